// Words that commands and frames share.

/** How the hypervisor runs a guest. `bare` means: no hypervisor, the guest owns a machine of its own. */
export type Technique = 'bare' | 'trap-and-emulate' | 'hardware-assisted';
export type BootMode = 'machine' | 'supervisor';
