// The page that the lab's web server shows: where you are, who else is here, what can be tried.

import { formatIpv4, formatMac } from './address.ts';
import type { Lease } from './dhcp-server.ts';

/** HTML; host names and addresses come checked from the DHCP server, so nothing in it needs escaping. */
export function labPage(domain: string, leases: readonly Lease[]): string {
  const rows = leases
    .filter((lease) => lease.state === 'leased')
    .map(({ address, mac, hostName }) => {
      const name = hostName === '' ? '-' : `${hostName}.${domain}`;
      return `<tr><td>${formatIpv4(address)}</td><td>${formatMac(mac)}</td><td>${name}</td></tr>\n`;
    });
  return `<!doctype html>
<html lang="en">
<head><title>Ringside: the network of the lab</title></head>
<body>
<h1>The network of the lab</h1>
<p>You came here through a virtual NIC, an exit, a device model and a virtual switch. Nothing lies beyond this gateway.</p>
<table>
<tr><th>address</th><th>link address</th><th>name</th></tr>
${rows.join('')}</table>
<ul>
<li><a href="/whoami">/whoami</a>: your address and port</li>
<li><a href="/bytes/1000000">/bytes/1000000</a>: that many octets; octet i is i modulo 251</li>
<li>POST /echo: your octets come back</li>
</ul>
</body>
</html>
`;
}
