// Serves the benchmark's page, its worker and the images to the browser that runs them. For this machine only.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileOf, type Places } from './files.ts';

const PAGE = '<!doctype html><title>Ringside: benchmark</title><script type="module" src="/bundles/page.js"></script>';
const types: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

export interface FileServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

export async function serveFiles(places: Places): Promise<FileServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1);
    if (path === '') {
      response.setHeader('content-type', 'text/html').end(PAGE);
      return;
    }
    const file = fileOf(places, path);
    readFile(file ?? '').then(
      (bytes) => response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream').end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
