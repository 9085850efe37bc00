// Saves the exits that match the filter, newest first, as a file.

import type { ExitRow, ExitsQuestion } from '../../../protocol/frame.ts';
import { Failure } from '../../components/Failure.tsx';
import { formatCount } from '../../format.ts';
import type { PanelProps, SendCommand } from '../../panel.ts';
import { download } from '../download.ts';
import { useAttempt } from '../use-attempt.ts';
import { exitsToCsv, exitsToJsonLines } from './export-rows.ts';
import { exitsQuestion } from './exits-question.ts';

const MOST_ROWS = 10_000;
const ROWS_AT_ONCE = 500;

const formats = [
  { name: 'CSV', extension: 'csv', type: 'text/csv', write: exitsToCsv },
  { name: 'JSON', extension: 'jsonl', type: 'application/jsonl', write: exitsToJsonLines },
] as const;

export function ExportButtons({ choice, vm, command }: PanelProps) {
  const [attempt, failure] = useAttempt();
  const save = async ({ extension, type, write }: (typeof formats)[number]) => {
    const rows = await newestExits(exitsQuestion(choice, vm?.vm), vm?.vm, command);
    download(`exits.${extension}`, type, write(rows));
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
      <Failure>{failure && `The exits were not saved: ${failure}`}</Failure>
    </>
  );
}

/** The newest exits that match, in as many answers as it takes. New exits push older ones on, so rows may come twice, never get lost. */
async function newestExits(
  question: ExitsQuestion,
  vm: number | undefined,
  command: SendCommand,
): Promise<readonly ExitRow[]> {
  const found = new Map<number, ExitRow>();
  for (let skip = 0; found.size < MOST_ROWS;) {
    const exits = { ...question, skip, count: ROWS_AT_ONCE };
    const { answers } = await command('frame', { vm, queries: { exits } });
    const rows = answers.exits?.rows ?? [];
    for (const row of rows) found.set(row.sequence, row);
    if (rows.length === 0) break;
    skip += rows.length;
  }
  return [...found.values()].sort((one, other) => other.sequence - one.sequence).slice(0, MOST_ROWS);
}
