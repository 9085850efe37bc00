// Linux under load for minutes or hours: `npm run soak -- --minutes 60`; `-- --verify` compares with the translator off.
import { runMain } from './bundle.mjs';
import { ensurePackages } from './ensure.mjs';

ensurePackages();
await runMain('src/cli/soak/main.ts');
