// The unit in which virtual time crosses the protocol: a tick of the machine's timer, 100 ns.

export const TICKS_PER_MICROSECOND = 10;
export const TICKS_PER_MILLISECOND = 10_000;
