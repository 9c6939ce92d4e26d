/**
 * `hash_fields` of load balancers and `select`: the fields whose hash says which member is chosen
 * (ovn-nb(5), Load_Balancer `selection_fields`; groups of the selection method "hash", ovs-ofctl(8)).
 */
import { A_HASH } from '../../asm/plane/image.ts';
import { type Code, CodeError, pieceWord } from './code.ts';
import { storagePieces } from './fields.ts';

/** Presupposed Ethernet types: of any IP packet, and of one family. */
const IP = 1;
const IP4 = 0x0800;
const IP6 = 0x86dd;

interface HashField {
  /** Where it is (fields.ts). */
  readonly storage: string;
  readonly bytes: number;
  readonly type?: number;
  readonly proto?: number;
}

/** By the names that Open vSwitch has for them, in the order in which it takes them in. */
const FIELDS: Readonly<Record<string, HashField>> = {
  eth_src: { storage: 'eth.src', bytes: 6 },
  eth_dst: { storage: 'eth.dst', bytes: 6 },
  eth_type: { storage: 'eth.type', bytes: 2 },
  ip_src: { storage: 'ip4.src', bytes: 4, type: IP4 },
  ip_dst: { storage: 'ip4.dst', bytes: 4, type: IP4 },
  ipv6_src: { storage: 'ip6.src', bytes: 16, type: IP6 },
  ipv6_dst: { storage: 'ip6.dst', bytes: 16, type: IP6 },
  ip_proto: { storage: 'ip.proto', bytes: 1, type: IP },
  tcp_src: { storage: 'tcp.src', bytes: 2, type: IP, proto: 6 },
  tcp_dst: { storage: 'tcp.dst', bytes: 2, type: IP, proto: 6 },
  udp_src: { storage: 'udp.src', bytes: 2, type: IP, proto: 17 },
  udp_dst: { storage: 'udp.dst', bytes: 2, type: IP, proto: 17 },
  sctp_src: { storage: 'sctp.src', bytes: 2, type: IP, proto: 132 },
  sctp_dst: { storage: 'sctp.dst', bytes: 2, type: IP, proto: 132 },
};

const SYNONYMS: Readonly<Record<string, string>> = {
  dl_src: 'eth_src',
  dl_dst: 'eth_dst',
  dl_type: 'eth_type',
  nw_src: 'ip_src',
  nw_dst: 'ip_dst',
  nw_proto: 'ip_proto',
};

/** Adds what makes the choice behind it one by these fields; throws a `CodeError` for a field that is none of them. */
export function encodeHashFields(code: Code, text: string): void {
  const named = new Set(
    text
      .split(/[\s,]+/)
      .filter((name) => name !== '')
      .map((name) => SYNONYMS[name] ?? name),
  );
  for (const name of named) {
    if (!Object.hasOwn(FIELDS, name)) {
      throw new CodeError(`hash_fields names ${name}; what can be chosen by is ${Object.keys(FIELDS).join(', ')}`);
    }
  }
  const fields = Object.entries(FIELDS).filter(([name]) => named.has(name));
  code.add(A_HASH, fields.length, ...fields.flatMap(([, field]) => words(field)));
}

function words({ storage, bytes, type = 0, proto = 0 }: HashField): number[] {
  const pieces = (storagePieces(storage) ?? []).map(pieceWord);
  return [type | (proto << 16) | (bytes << 24), pieces[0] ?? 0, pieces[1] ?? 0];
}
