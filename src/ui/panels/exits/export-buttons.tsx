// Saves the exits that match the filter, newest first, as a file. One frame is asked for, so the rows are of one moment.

import { formatCount } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { useAttempt } from '../use-attempt.ts';
import { exitsToCsv, exitsToJsonLines } from './export-rows.ts';
import { exitsQuestion } from './exits-question.ts';

const MOST_ROWS = 10_000;

const formats = [
  { name: 'CSV', extension: 'csv', type: 'text/csv', write: exitsToCsv },
  { name: 'JSON', extension: 'jsonl', type: 'application/jsonl', write: exitsToJsonLines },
] as const;

export function ExportButtons({ choice, vm, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const save = async ({ extension, type, write }: (typeof formats)[number]) => {
    const question = { ...exitsQuestion(choice, vm?.vm), skip: 0, count: MOST_ROWS };
    const { answers } = await command('frame', { vm: vm?.vm, queries: { exits: question } });
    download(`exits.${extension}`, type, write(answers.exits?.rows ?? []));
  };
  return (
    <>
      {formats.map((format) => (
        <button
          key={format.name}
          type="button"
          className="button"
          title={`Save the newest exits that match, up to ${formatCount(MOST_ROWS)}, as ${format.name === 'CSV' ? 'CSV' : 'JSON lines'}`}
          onClick={() => void attempt(() => save(format))}
        >
          {format.name}
        </button>
      ))}
      {failure !== undefined && <span role="alert">The exits were not saved: {failure}</span>}
    </>
  );
}

/** Hands text to the browser as a file. */
function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
