// Generated programs on QEMU and on this machine, compared: `npm run differential -- --programs 10000 --seed 1`.
// Needs qemu-system-riscv32 (7.2 or later).
import { runMain } from './bundle.mjs';
import { ensurePackages } from './ensure.mjs';

ensurePackages();
await runMain('src/core/machine/differential/main.test-support.ts');
