// One xterm per VM. They live outside React, so that a closed or moved panel loses nothing, and are drawn where they are shown.
// Everything xterm answers by itself (device attributes, cursor reports) is input to the guest, as on a real terminal.

import { FitAddon } from '@xterm/addon-fit';
import { Terminal, type ITheme } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useChoice } from '../choice.ts';
import type { Consoles } from './consoles.ts';

/** Written in slices of this many bytes, so that one large answer cannot hold the page's thread. */
const SLICE = 16 * 1024;
const SCROLLBACK_LINES = 5000;
/** What guests write for. A panel somewhat too narrow for it gets smaller letters; one far too narrow wraps. */
const COLUMNS = 80;
const FONT_SIZES = [12, 11, 10] as const;

export interface VmTerminal {
  /** Puts the terminal into an element and fits it; returns the way to take it out again. */
  readonly show: (host: HTMLElement) => () => void;
  readonly focus: () => void;
  readonly clear: () => void;
}

export interface Terminals {
  /** The terminal of a VM; made when first asked for. */
  readonly of: (vm: number) => VmTerminal;
  /** Disposes of the terminals of VMs that are gone. */
  readonly keepOnly: (vms: readonly number[]) => void;
  /** Tab goes to the guest, or moves the focus on. */
  readonly tabLeaves: () => boolean;
  readonly setTabLeaves: (leaves: boolean) => void;
  readonly onTabLeaves: (listener: () => void) => () => void;
}

interface Entry extends VmTerminal {
  readonly terminal: Terminal;
  readonly dispose: () => void;
}

export function createTerminals(consoles: Consoles): Terminals {
  const entries = new Map<number, Entry>();
  const listeners = new Set<() => void>();
  let leaves = false;

  function setTabLeaves(next: boolean): void {
    leaves = next;
    for (const listener of listeners) listener();
  }

  /** False keeps a key from the terminal. */
  function decide(terminal: Terminal, event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true;
    const plainControl = event.ctrlKey && !event.altKey && !event.metaKey;
    if (plainControl && !event.shiftKey && event.key === 'm') {
      event.preventDefault();
      setTabLeaves(!leaves);
      return false;
    }
    // Not prevented: the browser then moves the focus.
    if (event.key === 'Tab' && leaves) return false;
    const copies = plainControl && event.key.toLowerCase() === 'c' && (event.shiftKey || terminal.hasSelection());
    if (copies) {
      event.preventDefault();
      if (terminal.hasSelection()) void navigator.clipboard.writeText(terminal.getSelection());
      if (!event.shiftKey) terminal.clearSelection();
      return false;
    }
    // The browser's own paste brings the text; xterm would send ^V.
    if (plainControl && event.key.toLowerCase() === 'v') return false;
    return true;
  }

  function make(vm: number): Entry {
    const style = getComputedStyle(document.documentElement);
    const terminal = new Terminal({
      fontFamily: style.getPropertyValue('--mono'),
      fontSize: FONT_SIZES[0],
      lineHeight: 1.2,
      scrollback: SCROLLBACK_LINES,
      cursorBlink: false,
      // As the terminal behind QEMU's `-serial stdio` does: a kernel's bare line feed also returns the carriage.
      convertEol: true,
      overviewRuler: { width: 10 },
      minimumContrastRatio: 4.5,
      theme: themeOf(document.documentElement),
      screenReaderMode: useChoice.getState().consoleForScreenReader,
      linkHandler: {
        // xterm offers http and https only, because allowNonHttpProtocols is not set.
        activate: (_event, text) => void window.open(text, '_blank', 'noopener,noreferrer'),
      },
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    const element = document.createElement('div');
    element.style.height = '100%';
    let opened = false;
    terminal.attachCustomKeyEventHandler((event) => decide(terminal, event));
    const encoder = new TextEncoder();
    terminal.onData((text) => consoles.type(vm, encoder.encode(text)));
    terminal.onBinary((text) =>
      consoles.type(
        vm,
        Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
      ),
    );
    consoles.attach(vm, {
      write: (bytes, drawn) => {
        for (let from = 0; from < bytes.length; from += SLICE) {
          const slice = bytes.subarray(from, from + SLICE);
          terminal.write(slice, from + SLICE >= bytes.length ? drawn : undefined);
        }
      },
      notice: (text) => terminal.write(`\r\n\x1b[0;2m[${text}]\x1b[0m\r\n`),
    });
    return {
      terminal,
      show: (host) => {
        host.append(element);
        if (!opened) terminal.open(element);
        opened = true;
        const refit = () => {
          if (element.clientWidth === 0 || element.clientHeight === 0) return;
          const fits = FONT_SIZES.some((size) => {
            terminal.options.fontSize = size;
            return (fit.proposeDimensions()?.cols ?? 0) >= COLUMNS;
          });
          if (!fits) terminal.options.fontSize = FONT_SIZES[0];
          fit.fit();
        };
        const observer = new ResizeObserver(refit);
        observer.observe(element);
        refit();
        return () => {
          observer.disconnect();
          element.remove();
        };
      },
      focus: () => terminal.focus(),
      clear: () => terminal.clear(),
      dispose: () => {
        consoles.detach(vm);
        terminal.dispose();
        element.remove();
      },
    };
  }

  const retheme = () => {
    const theme = themeOf(document.documentElement);
    for (const { terminal } of entries.values()) terminal.options.theme = theme;
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', retheme);
  useChoice.subscribe((choice, before) => {
    if (choice.theme !== before.theme) retheme();
    if (choice.consoleForScreenReader !== before.consoleForScreenReader) {
      for (const { terminal } of entries.values()) terminal.options.screenReaderMode = choice.consoleForScreenReader;
    }
  });

  return {
    of: (vm) => {
      const present = entries.get(vm) ?? make(vm);
      entries.set(vm, present);
      return present;
    },
    keepOnly: (vms) => {
      for (const [vm, entry] of entries) {
        if (vms.includes(vm)) continue;
        entry.dispose();
        entries.delete(vm);
      }
    },
    tabLeaves: () => leaves,
    setTabLeaves,
    onTabLeaves: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** ANSI colours that suit both papers; `minimumContrastRatio` mends what is still too faint. */
const ANSI: { readonly light: ITheme; readonly dark: ITheme } = {
  light: {
    black: '#1b1c1e',
    red: '#b3261e',
    green: '#1d6f2b',
    yellow: '#7a5b00',
    blue: '#1a56b8',
    magenta: '#84409a',
    cyan: '#00697a',
    white: '#6b6e73',
    brightBlack: '#55595f',
    brightRed: '#c02f2f',
    brightGreen: '#26803a',
    brightYellow: '#8a6d00',
    brightBlue: '#2a66c8',
    brightMagenta: '#96509f',
    brightCyan: '#0b7a8c',
    brightWhite: '#1b1c1e',
  },
  dark: {
    black: '#3a3f46',
    red: '#ff8f86',
    green: '#7fce8c',
    yellow: '#dfc04a',
    blue: '#8ab4f8',
    magenta: '#d59ae6',
    cyan: '#6fd0de',
    white: '#d5d8dc',
    brightBlack: '#8b919a',
    brightRed: '#ffaaa3',
    brightGreen: '#9be0a6',
    brightYellow: '#ecd271',
    brightBlue: '#aecbfa',
    brightMagenta: '#e4b7f0',
    brightCyan: '#94e0ea',
    brightWhite: '#ffffff',
  },
};

/** The page's colours as xterm wants them: resolved, because a canvas knows no custom properties. */
function themeOf(root: HTMLElement): ITheme {
  const probe = document.createElement('span');
  root.append(probe);
  const resolve = (property: string) => {
    probe.style.color = `var(${property})`;
    return getComputedStyle(probe).color;
  };
  const chosen = root.dataset['theme'];
  const dark = chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  const theme: ITheme = {
    ...(dark ? ANSI.dark : ANSI.light),
    background: resolve('--panel'),
    foreground: resolve('--ink'),
    cursor: resolve('--ink'),
    cursorAccent: resolve('--panel'),
    selectionBackground: resolve('--selected'),
    scrollbarSliderBackground: resolve('--hairline'),
    scrollbarSliderHoverBackground: resolve('--control'),
    scrollbarSliderActiveBackground: resolve('--control'),
    overviewRulerBorder: '#00000000',
  };
  probe.remove();
  return theme;
}
