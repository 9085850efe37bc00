// Who owns which frame of the machine's memory: a bar in address order, folded into rows, and the sums as a table; or, turned the
// other way, which frame is behind each page of a guest (guest-pages.tsx). Owners differ by hue and by pattern.

import { useId } from 'react';
import type { Frame, FrameRun, VmSummary } from '../../../protocol/frame.ts';
import { Address } from '../../components/Address.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Term } from '../../components/Term.tsx';
import { formatBytes, formatCount, formatHex } from '../../format.ts';
import type { PanelProps } from '../../panel.ts';
import { classNames } from '../class-names.ts';
import shared from '../panel.module.css';
import { Segments } from '../segments.tsx';
import { FRAME_BYTES, layoutFrameMap, ownerKey, sumByOwner } from './frame-map.ts';
import { GuestPages } from './guest-pages.tsx';
import { MemoryUse } from './memory-use.tsx';
import styles from './memory.module.css';

const MAP_ROWS = 8;
const ROW_HEIGHT = 18;
const MAP_WIDTH = 640;
const VM_HUES = ['--guest-kernel', '--guest-user', '--device', '--host-interrupt'] as const;

const views = [
  { value: 'machine', label: 'The machine’s frames' },
  { value: 'pages', label: 'A guest’s pages' },
] as const;

export function Frames(props: PanelProps) {
  const { choice, choose } = props;
  return (
    <div className={shared['panel']}>
      <div className={shared['toolbar']}>
        <Segments
          label="Whose memory"
          options={views}
          value={choice.frames.view}
          onChange={(view) => choose({ frames: { ...choice.frames, view } })}
        />
      </div>
      <div className={classNames(shared['body'], shared['padded'])}>
        {choice.frames.view === 'pages' ? <GuestPages {...props} /> : <MachineFrames {...props} />}
      </div>
    </div>
  );
}

function MachineFrames({ frame, vm, command, navigate, choose }: PanelProps) {
  const runs = frame?.answers.frames;
  const pattern = useId();
  if (frame === undefined || runs === undefined || runs.length === 0) {
    return (
      <EmptyState title="Here is shown who owns the machine’s memory.">
        Add a virtual machine in the bar above first.
      </EmptyState>
    );
  }
  const map = layoutFrameMap(runs, MAP_ROWS);
  const scale = MAP_WIDTH / map.framesPerRow;
  const totals = sumByOwner(runs);
  const use = frame.answers.memoryUse;
  const onPages = (of: number) => {
    navigate.toVm(of);
    choose({ frames: { view: 'pages', page: undefined, pagesPerCell: undefined } });
  };
  return (
    <>
      <p className={shared['quiet']}>
        {machineText(vm, frame)}: {formatBytes(map.frames * FRAME_BYTES)} of memory, {formatCount(map.frames)}{' '}
        <Term name="frame">frames</Term>; a row is {formatBytes(map.framesPerRow * FRAME_BYTES)}, from{' '}
        <Address space="hpa" address={map.firstHpa} />.
      </p>
      <svg
        viewBox={`0 0 ${MAP_WIDTH} ${map.rows * ROW_HEIGHT}`}
        preserveAspectRatio="none"
        className={styles['map']}
        style={{ height: map.rows * ROW_HEIGHT }}
        role="img"
        aria-label={`Map of the machine’s memory in ${map.rows} rows; the table below says the same`}
      >
        <Patterns id={pattern} />
        {map.pieces.map((piece, index) => {
          const { run } = piece;
          const box = {
            x: piece.start * scale,
            y: piece.row * ROW_HEIGHT,
            width: Math.max(2, piece.frames * scale),
            height: ROW_HEIGHT - 2,
          };
          return (
            <g key={index} onClick={() => navigate.toMemory({ space: 'hpa', address: run.hpa })}>
              <title>{`${describeRun(run, frame)}, ${formatHex(run.hpa)}, ${formatBytes(run.frames * FRAME_BYTES)}`}</title>
              <rect {...box} fill={fillOf(run)} />
              {overlayOf(run) !== undefined && <rect {...box} fill={`url(#${pattern}-${overlayOf(run) ?? ''})`} />}
            </g>
          );
        })}
      </svg>
      {use !== undefined && use.vms.length > 0 && (
        <MemoryUse answer={use} frame={frame} command={command} onPages={onPages} />
      )}
      <h3 className={shared['heading']}>Frames by owner and use</h3>
      <div className={shared['scroller']} role="group" aria-label="Frames by owner and use" tabIndex={0}>
        <table className={classNames('table', styles['totals'])}>
          <caption className="visually-hidden">Memory by owner and use</caption>
          <thead>
            <tr>
              <th scope="col">Owner</th>
              <th scope="col">Use</th>
              <th scope="col" className="number">
                Size
              </th>
              <th scope="col" className="number">
                Runs
              </th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {totals.map(({ owner, use, bytes, runs: count, hpa }) => (
              <tr key={`${ownerKey(owner)} ${use}`}>
                <td>
                  <svg width="16" height="12" aria-hidden="true" className={styles['swatch']}>
                    <rect width="16" height="12" fill={fillOf({ owner, use })} />
                    {overlayOf({ owner, use }) !== undefined && (
                      <rect width="16" height="12" fill={`url(#${pattern}-${overlayOf({ owner, use }) ?? ''})`} />
                    )}
                  </svg>
                  {describeOwner(owner, frame)}
                </td>
                <td>{use}</td>
                <td className="number">{formatBytes(bytes)}</td>
                <td className="number">{formatCount(count)}</td>
                <td>
                  <Address space="hpa" address={hpa} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** Whose frames these are: there may be two machines, and a bare guest has one of its own. */
function machineText(vm: VmSummary | undefined, frame: Frame): string {
  if (vm !== undefined && vm.machine === undefined) return `The machine of ${vm.title} alone`;
  const shown = vm?.machine ?? 'A';
  const others = frame.machines.filter(({ name }) => name !== shown);
  if (others.length === 0) return 'The machine';
  const rest = others.map(
    ({ name, memoryUsedBytes, memoryBytes }) =>
      `machine ${name} has given out ${formatBytes(memoryUsedBytes)} of ${formatBytes(memoryBytes)}`,
  );
  return `Machine ${shown} (${rest.join(', ')}; look at a VM there to see it)`;
}

function describeOwner(owner: FrameRun['owner'], frame: Frame): string {
  if (owner.kind === 'several') return 'several guests, or one more than once';
  if (owner.kind !== 'vm') return owner.kind;
  const { vm } = owner;
  const title = frame.vms.find((summary) => summary.vm === vm)?.title;
  return title === undefined ? `VM ${vm}` : `${title} (VM ${vm})`;
}

const describeRun = (run: FrameRun, frame: Frame): string => `${describeOwner(run.owner, frame)}: ${run.use}`;

type Look = Pick<FrameRun, 'owner' | 'use'>;

function fillOf({ owner }: Look): string {
  if (owner.kind === 'vm') return `var(${VM_HUES[owner.vm % VM_HUES.length] ?? '--guest-kernel'})`;
  if (owner.kind === 'several') return 'var(--control)';
  return owner.kind === 'free' ? 'var(--sunken)' : 'var(--hypervisor)';
}

/** Tables are hatched; the VMs of even numbers are dotted, so that neighbours differ without colour. */
function overlayOf({ owner, use }: Look): 'hatch' | 'dots' | undefined {
  if (use === 'stage-2 tables' || use === 'shadow tables') return 'hatch';
  return owner.kind === 'vm' && owner.vm % 2 === 0 ? 'dots' : undefined;
}

const Patterns = ({ id }: { readonly id: string }) => (
  <defs>
    <pattern id={`${id}-hatch`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="2.5" height="5" fill="var(--panel)" />
    </pattern>
    <pattern id={`${id}-dots`} width="6" height="6" patternUnits="userSpaceOnUse">
      <circle cx="3" cy="3" r="1.2" fill="var(--panel)" />
    </pattern>
  </defs>
);
