// Lets editors and a bare `npx eslint PATH` find the rules, which live in a dotfile to keep the top level short.
export { default } from '../.eslint.config.js';
