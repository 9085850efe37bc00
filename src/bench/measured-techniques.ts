// The techniques the benchmark measures. A paravirtual guest wants a kernel made for it, and these are not: under that
// technique they run as under trap-and-emulate. `ringside twins` compares it.

export { unmodifiedTechniques as techniques } from '../core/hypervisor/virtual-machine.ts';
