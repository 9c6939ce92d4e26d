/**
 * Neighbours and MAC addresses of ports by the names that the southbound
 * database has for them, and their way into a plane: what was learned stays
 * what it is when the program changes.
 */
import { formatEthernet, parseEthernet, parseIpv4, parseIpv6 } from '../lang/index.ts';
import type { FdbEntry, MacBinding, PortBinding, Southbound } from '../ovsdb/southbound.ts';
import type { Program } from '../program/index.ts';
import type { Address, LearnedTables } from './learned.ts';

/** A neighbour that was learned, with the milliseconds of the node's clock when it was. */
export interface LearnedBinding extends MacBinding {
  readonly since: number;
}

/** A port's address that was learned. */
export interface LearnedAddress extends FdbEntry {
  readonly since: number;
}

/** What the plane has been told. */
type Told =
  | {
      readonly kind: 'neighbor';
      readonly datapath: number;
      readonly port: number;
      readonly address: Address;
      readonly mac: bigint;
    }
  | { readonly kind: 'fdb'; readonly datapath: number; readonly port: number; readonly mac: bigint };

export class Neighbors {
  /** Learned, by port and IP address; by datapath's key and MAC address. */
  readonly bindings = new Map<string, LearnedBinding>();
  readonly addresses = new Map<string, LearnedAddress>();
  /** Grows with every piece of news. */
  version = 0;
  private readonly tables: LearnedTables;
  private told = new Map<string, Told>();
  private known: Pick<Southbound, 'macBindings' | 'staticMacBindings' | 'fdb'> = {
    macBindings: [],
    staticMacBindings: [],
    fdb: [],
  };
  private ports: ReadonlyMap<string, { binding: PortBinding; datapath: number }> = new Map();
  private datapaths: ReadonlyMap<number, number> = new Map();

  constructor(tables: LearnedTables) {
    this.tables = tables;
  }

  /** From now on names mean what they mean in this program and database, whose own neighbours are known. */
  use(program: Program, southbound: Southbound): void {
    const pairs = program.datapaths.flatMap(({ number, view }) =>
      view.ports.map(({ binding }) => [binding.logicalPort, { binding, datapath: number }] as const),
    );
    this.ports = new Map(pairs);
    this.datapaths = new Map(program.datapaths.map(({ number, view }) => [view.binding.tunnelKey, number]));
    this.known = southbound;
    this.tell();
  }

  /** True if that is news; what was learned later stands. */
  learnBinding(binding: LearnedBinding): boolean {
    const key = bindingKey(binding);
    const old = this.bindings.get(key);
    if (old && old.since > binding.since) return false;
    this.bindings.set(key, binding);
    if (old?.mac === binding.mac) return false;
    this.version++;
    return true;
  }

  learnAddress(address: LearnedAddress): boolean {
    const key = `${address.datapathKey} ${address.mac}`;
    const old = this.addresses.get(key);
    if (old && old.since > address.since) return false;
    this.addresses.set(key, address);
    if (old?.portKey === address.portKey) return false;
    this.version++;
    return true;
  }

  /** The MAC address of a neighbour, from whichever source; undefined if nobody knows. */
  macOf(logicalPort: string, address: Address): bigint | undefined {
    const port = this.ports.get(logicalPort);
    if (!port) return undefined;
    const told = this.told.get(neighborText(port.datapath, port.binding.tunnelKey, address));
    return told?.mac;
  }

  /** Brings the plane to what is known: whatever is not so any more is forgotten. */
  tell(): void {
    const wanted = new Map<string, Told>();
    const fixed = this.known.staticMacBindings;
    const behind = fixed.filter(({ overridesLearned }) => !overridesLearned);
    const before = fixed.filter(({ overridesLearned }) => overridesLearned);
    // Later ones stand before earlier ones: ovn-nb(5), Static_MAC_Binding.
    for (const each of [...behind, ...this.known.macBindings, ...this.bindings.values(), ...before]) {
      const told = this.neighborOf(each);
      if (told) wanted.set(neighborText(told.datapath, told.port, told.address), told);
    }
    for (const { datapathKey, portKey, mac } of [...this.known.fdb, ...this.addresses.values()]) {
      const datapath = this.datapaths.get(datapathKey);
      const value = parseEthernet(mac);
      if (datapath === undefined || value === undefined) continue;
      wanted.set(`fdb ${datapath} ${value}`, { kind: 'fdb', datapath, port: portKey, mac: value });
    }
    for (const [key, old] of this.told) {
      if (wanted.has(key)) continue;
      if (old.kind === 'fdb') this.tables.forgetFdb(old.datapath, old.mac);
      else this.tables.forgetNeighbor(old.datapath, old.port, old.address);
    }
    for (const [key, now] of wanted) {
      const old = this.told.get(key);
      if (old?.mac === now.mac && old.port === now.port) continue;
      if (now.kind === 'fdb') this.tables.putFdb(now.datapath, now.mac, now.port);
      else this.tables.putNeighbor(now.datapath, now.port, now.address, now.mac);
    }
    this.told = wanted;
  }

  private neighborOf({ logicalPort, ip, mac }: MacBinding): Extract<Told, { kind: 'neighbor' }> | undefined {
    const port = this.ports.get(logicalPort);
    const address = parseAddress(ip);
    const value = parseEthernet(mac);
    if (!port || !address || value === undefined) return undefined;
    return { kind: 'neighbor', datapath: port.datapath, port: port.binding.tunnelKey, address, mac: value };
  }
}

/** An IPv4 or IPv6 address in text; undefined if it is none. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return { family: 4, value: v4 };
  const v6 = parseIpv6(text);
  return v6 === undefined ? undefined : { family: 6, value: v6 };
}

export const macText = (mac: bigint): string => formatEthernet(mac);

const bindingKey = ({ logicalPort, ip }: MacBinding): string => `${logicalPort} ${ip}`;

const neighborText = (datapath: number, port: number, { family, value }: Address): string =>
  `neighbor ${datapath} ${port} ${family} ${value}`;
