// Keys as text: `F8`, `Shift+F11`, `Ctrl+K`, `E`, `3`, `?`. Modifiers in the order Ctrl, Alt, Shift. Command (⌘) counts as Ctrl.

/** The key of an event, written as the command rows write theirs; undefined for a modifier alone. */
export function keyOf(
  event: Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey'>,
): string | undefined {
  const { key, code } = event;
  if (['Control', 'Alt', 'Shift', 'Meta', 'Dead', 'Unidentified'].includes(key)) return undefined;
  const printable = key.length === 1;
  const letter = printable && key.toLowerCase() !== key.toUpperCase();
  // Where digits are typed with Shift (AZERTY), and where Alt makes another sign of a letter, the key itself counts.
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  const name = printable && plain && digit !== undefined ? digit : letter ? key.toUpperCase() : key;
  return [
    ...(event.ctrlKey || event.metaKey ? ['Ctrl'] : []),
    ...(event.altKey ? ['Alt'] : []),
    ...(event.shiftKey && (letter || !printable) ? ['Shift'] : []),
    name,
  ].join('+');
}

/** Single letters, digits and signs: keys that write something in a text field. */
export function isWriting(key: string): boolean {
  return [...key].length === 1;
}

/** Where keys write text or belong to a program: the console, the editor, text fields. */
export function textPlaceOf(target: EventTarget | null): 'console' | 'editor' | 'field' | undefined {
  if (!(target instanceof Element)) return undefined;
  if (target.closest('.xterm') !== null) return 'console';
  if (target.closest('.monaco-editor') !== null) return 'editor';
  const field = target.closest('input, textarea, select, [contenteditable="true"]');
  if (field === null) return undefined;
  const type = field instanceof HTMLInputElement ? field.type : 'text';
  return ['checkbox', 'radio', 'button', 'range', 'file'].includes(type) ? undefined : 'field';
}

/** As the person's keyboard names it. */
export function shownKey(key: string): string {
  const mac = navigator.userAgent.includes('Mac');
  return mac ? key.replace('Ctrl+', '⌘').replace('Alt+', '⌥').replace('Shift+', '⇧') : key;
}
