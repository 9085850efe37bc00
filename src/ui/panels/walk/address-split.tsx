// The 32 bits of a virtual address, cut where Sv32 cuts them: two indices and an offset.

import { Term } from '../../components/Term.tsx';
import { splitSv32 } from './walk-rows.ts';
import styles from './walk.module.css';

export function AddressSplit({ gva }: { readonly gva: number }) {
  const { vpn1, vpn0, offset } = splitSv32(gva);
  const parts = [
    { key: 'VPN[1]', term: 'vpn', value: vpn1, bits: 10 },
    { key: 'VPN[0]', term: 'vpn', value: vpn0, bits: 10 },
    { key: 'offset', term: 'offset', value: offset, bits: 12 },
  ] as const;
  return (
    <div className={styles['split']}>
      {parts.map(({ key, term, value, bits }) => (
        <div key={key} style={{ flexGrow: bits }} className={styles['part']}>
          <span className={styles['bits']} aria-hidden="true">
            {value.toString(2).padStart(bits, '0')}
          </span>
          <span>
            <Term name={term}>{key}</Term> <strong className="mono">{value.toString(16).padStart(3, '0')}</strong>
            {term === 'vpn' && <span className={styles['decimal']}> = {value}</span>}
          </span>
        </div>
      ))}
    </div>
  );
}
