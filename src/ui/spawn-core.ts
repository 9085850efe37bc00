// Starts the worker that hosts the core. An address, not an import: nothing of the core is in the page.

export function spawnCore(): Worker {
  return new Worker(new URL('../worker/core.worker.ts', import.meta.url), { type: 'module', name: 'ringside core' });
}
