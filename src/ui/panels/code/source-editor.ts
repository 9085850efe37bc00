// The editor behind a small door: text, marks, errors. Only this file and its language know Monaco; it is loaded when a
// source is first shown. Tab is the editor's until Ctrl+M, which the page says beside it.

import 'monaco-editor/features/clipboard/register';
import 'monaco-editor/features/codicon/register';
import 'monaco-editor/features/comment/register';
import 'monaco-editor/features/find/register';
import 'monaco-editor/features/hover/register';
import 'monaco-editor/features/linesOperations/register';
import 'monaco-editor/features/toggleTabFocusMode/register';
import 'monaco-editor/features/wordOperations/register';
import * as monaco from 'monaco-editor/editor';
import EditorWorker from 'monaco-editor/editor/editor.worker?worker';
import type { AssemblyMessage } from '../../../core/isa/assembly/assemble.ts';
import styles from './source-editor.module.css';
import { explainWord, language, LANGUAGE_ID } from './riscv-language.ts';

export interface SourceMarks {
  /** Lines count from 1. */
  readonly pcLine: number | undefined;
  readonly breakpointLines: readonly number[];
}

export interface SourceEditorEvents {
  readonly onChange: (text: string) => void;
  /** A click beside the line numbers. */
  readonly onGutter: (line: number) => void;
  readonly onCursor: (line: number) => void;
  readonly onRun: () => void;
  /** What a register or CSR holds now, for the hover; undefined for other words. */
  readonly valueOf: (word: string) => string | undefined;
}

export interface SourceEditor {
  /** Shows the text of one VM; what was typed there before is still there. */
  show(key: string, text: string): void;
  /** Throws away what was typed for this VM. */
  restore(text: string): void;
  mark(marks: SourceMarks): void;
  markErrors(errors: readonly AssemblyMessage[], warnings: readonly AssemblyMessage[]): void;
  /** Puts the cursor there and scrolls only if the place is not in sight. */
  goTo(line: number, column: number, focus: boolean): void;
  reveal(line: number): void;
  setReadOnly(readOnly: boolean): void;
  setDark(dark: boolean): void;
  dispose(): void;
}

const THEMES = { light: 'ringside-light', dark: 'ringside-dark' } as const;

/** Tells Monaco once about our language and the page's two themes. */
function prepare(): void {
  if (monaco.languages.getLanguages().some(({ id }) => id === LANGUAGE_ID)) return;
  globalThis.MonacoEnvironment = { getWorker: () => new EditorWorker() };
  monaco.languages.register({ id: LANGUAGE_ID });
  monaco.languages.setLanguageConfiguration(LANGUAGE_ID, {
    comments: { lineComment: '#', blockComment: ['/*', '*/'] },
    wordPattern: /\.?[\w.$]+/,
  });
  monaco.languages.setMonarchTokensProvider(LANGUAGE_ID, language as monaco.languages.IMonarchLanguage);
  const quiet = { 'editor.lineHighlightBackground': '#00000000', 'editor.lineHighlightBorder': '#00000000' };
  monaco.editor.defineTheme(THEMES.light, {
    base: 'vs',
    inherit: true,
    rules: [
      { token: 'comment', foreground: '55595f' },
      { token: 'keyword', foreground: '1a56b8' },
      { token: 'keyword.directive', foreground: '84409a' },
      { token: 'type.identifier', foreground: '1b1c1e', fontStyle: 'bold' },
      { token: 'variable', foreground: '00695a' },
      { token: 'variable.predefined', foreground: 'b0450c' },
    ],
    colors: { 'editor.background': '#ffffff', 'editorLineNumber.foreground': '#686c72', ...quiet },
  });
  monaco.editor.defineTheme(THEMES.dark, {
    base: 'vs-dark',
    inherit: true,
    rules: [
      { token: 'comment', foreground: 'a6abb3' },
      { token: 'keyword', foreground: '8ab4f8' },
      { token: 'keyword.directive', foreground: 'd59ae6' },
      { token: 'type.identifier', foreground: 'e3e5e8', fontStyle: 'bold' },
      { token: 'variable', foreground: '55cdb0' },
      { token: 'variable.predefined', foreground: 'ff9a5e' },
    ],
    colors: { 'editor.background': '#1a1d21', 'editorLineNumber.foreground': '#8b919a', ...quiet },
  });
}

/** Makes an editor inside an element. `events` is read at each event, so it may change. */
export function createSourceEditor(host: HTMLElement, events: () => SourceEditorEvents): SourceEditor {
  prepare();
  const models = new Map<string, monaco.editor.ITextModel>();
  const editor = monaco.editor.create(host, {
    model: null,
    automaticLayout: true,
    ariaLabel: 'Assembly source. Press Ctrl+M, then Tab, to leave the editor.',
    fontFamily: getComputedStyle(host).getPropertyValue('--mono'),
    fontSize: 12,
    lineHeight: 19,
    glyphMargin: true,
    lineNumbersMinChars: 2,
    folding: false,
    minimap: { enabled: false },
    overviewRulerLanes: 0,
    scrollBeyondLastLine: false,
    renderLineHighlight: 'none',
    wordBasedSuggestions: 'off',
    quickSuggestions: false,
    contextmenu: false,
    occurrencesHighlight: 'off',
    smoothScrolling: false,
    cursorBlinking: 'solid',
    tabSize: 8,
    guides: { indentation: false },
    scrollbar: { useShadows: false, verticalScrollbarSize: 10, horizontalScrollbarSize: 8 },
    fixedOverflowWidgets: true,
  });
  const decorations = editor.createDecorationsCollection();
  const hovers = monaco.languages.registerHoverProvider(LANGUAGE_ID, {
    provideHover: (model, position) => {
      if (model !== editor.getModel()) return undefined;
      const word = model.getWordAtPosition(position)?.word;
      const explained = word === undefined ? undefined : explainWord(word);
      if (word === undefined || explained === undefined) return undefined;
      const value = events().valueOf(word);
      const title = value === undefined ? explained.title : `${explained.title} = ${value}`;
      return { contents: [{ value: `\`${title}\`` }, { value: explained.sentence }] };
    },
  });
  editor.onDidChangeModelContent(() => events().onChange(editor.getValue()));
  editor.onDidChangeCursorPosition(({ position }) => events().onCursor(position.lineNumber));
  editor.onMouseDown(({ target }) => {
    const { GUTTER_GLYPH_MARGIN, GUTTER_LINE_NUMBERS } = monaco.editor.MouseTargetType;
    if (target.type !== GUTTER_GLYPH_MARGIN && target.type !== GUTTER_LINE_NUMBERS) return;
    if (target.position !== null) events().onGutter(target.position.lineNumber);
  });
  editor.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, () => events().onRun());

  return {
    show: (key, text) => {
      let model = models.get(key);
      if (model === undefined) {
        model = monaco.editor.createModel(text, LANGUAGE_ID);
        models.set(key, model);
      }
      if (editor.getModel() !== model) editor.setModel(model);
    },
    restore: (text) => editor.getModel()?.setValue(text),
    mark: ({ pcLine, breakpointLines }) => {
      const whole = (line: number) => new monaco.Range(line, 1, line, 1);
      decorations.set([
        ...breakpointLines.map((line) => ({
          range: whole(line),
          options: {
            glyphMarginClassName: styles['breakpoint'] ?? '',
            glyphMarginHoverMessage: { value: 'Breakpoint' },
          },
        })),
        ...(pcLine === undefined
          ? []
          : [
              {
                range: whole(pcLine),
                options: {
                  isWholeLine: true,
                  className: styles['current'] ?? '',
                  linesDecorationsClassName: styles['arrow'] ?? '',
                },
              },
            ]),
      ]);
    },
    markErrors: (errors, warnings) => {
      const model = editor.getModel();
      if (model === null) return;
      const marker = (severity: monaco.MarkerSeverity) => (found: AssemblyMessage) => ({
        severity,
        message: found.message,
        startLineNumber: found.line,
        startColumn: found.column,
        endLineNumber: found.line,
        endColumn: found.column + Math.max(1, found.length),
      });
      monaco.editor.setModelMarkers(model, 'assembler', [
        ...errors.map(marker(monaco.MarkerSeverity.Error)),
        ...warnings.map(marker(monaco.MarkerSeverity.Warning)),
      ]);
    },
    goTo: (line, column, focus) => {
      editor.setPosition({ lineNumber: line, column });
      editor.revealLineInCenterIfOutsideViewport(line, monaco.editor.ScrollType.Immediate);
      if (focus) editor.focus();
    },
    reveal: (line) => editor.revealLineInCenterIfOutsideViewport(line, monaco.editor.ScrollType.Immediate),
    setReadOnly: (readOnly) => editor.updateOptions({ readOnly, domReadOnly: readOnly }),
    setDark: (dark) => monaco.editor.setTheme(dark ? THEMES.dark : THEMES.light),
    dispose: () => {
      hovers.dispose();
      editor.dispose();
      for (const model of models.values()) model.dispose();
    },
  };
}
