// How a guest reaches a disk, and what becomes of what it writes.

/** What may stand behind a disk's file. */
export const diskWords = ['readonly', 'snapshot', 'model=virtio', 'model=pio', 'model=passthrough'] as const;
export type DiskWord = (typeof diskWords)[number];
