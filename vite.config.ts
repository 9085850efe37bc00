// Build, dev server, preview server and unit tests. `base: './'` lets any static host serve the page from any folder.
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// The page may run its own code and WebAssembly only. Monaco and xterm set inline styles.
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "worker-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Adds the policy to the built page only: the dev server's own inline scripts and websocket would break it. */
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: CONTENT_SECURITY_POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/**
 * Lets the browser fetch the page's own script beside the entry that will ask for it, not after. The entry comes first: it
 * starts the worker.
 */
function pageBesideEntry(): Plugin {
  return {
    name: 'page-beside-entry',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle = {} }) => {
        const page = Object.values(bundle).find(
          (output) => output.type === 'chunk' && output.facadeModuleId?.endsWith('src/ui/page.tsx') === true,
        );
        if (page?.type !== 'chunk') throw new Error('Expected a chunk made from src/ui/page.tsx, found none.');
        const chunks = [page.fileName, ...page.imports].flatMap((file) => {
          const output = bundle[file];
          return output?.type === 'chunk' && !output.isEntry ? [output] : [];
        });
        const scripts = chunks.map(({ fileName }) => fileName);
        // The page is not run before the last of its styles has come, those of what it shares with other chunks included.
        const styles = new Set(chunks.flatMap(({ viteMetadata }) => [...(viteMetadata?.importedCss ?? [])]));
        const link = (attrs: Record<string, string>) => ({ tag: 'link', attrs, injectTo: 'head' as const });
        return [
          ...scripts.map((file) => link({ rel: 'modulepreload', crossorigin: '', href: `./${file}` })),
          ...[...styles].map((file) => link({ rel: 'preload', as: 'style', crossorigin: '', href: `./${file}` })),
        ];
      },
    },
  };
}

/** Says so when the worker would have to fetch a second file before it runs: a way of the network more before a guest starts. */
function workerInOnePiece(): Plugin {
  return {
    name: 'worker-in-one-piece',
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk' || !output.isEntry || output.imports.length === 0) continue;
        this.warn(
          `${output.fileName} waits for ${output.imports.join(', ')}: let what shares them be one dynamic import.`,
        );
      }
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [react(), contentSecurityPolicy(), pageBesideEntry()],
  worker: { format: 'es', plugins: () => [workerInOnePiece()] },
  build: {
    outDir: 'dist',
    target: 'es2023',
    // Monaco is one large chunk by nature; it loads when a source is first shown.
    chunkSizeWarningLimit: 4096,
    // An inlined asset would be a data: URL, which the policy refuses to workers and fetch().
    assetsInlineLimit: 0,
  },
  server: { host: '127.0.0.1', port: 5173 },
  preview: { host: '127.0.0.1', port: 4173, strictPort: true },
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts', 'src/**/*.test.tsx'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
});
