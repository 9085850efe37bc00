// The kinds of address that the hypervisor handles: numbers that must not be mixed up.

/** A guest physical address, 34 bits. */
export type Gpa = number & { readonly space?: 'gpa' };
/** An address of the machine's RAM. */
export type Hpa = number & { readonly space?: 'hpa' };
