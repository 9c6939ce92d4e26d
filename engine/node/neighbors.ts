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

/** Something that was learned, by its key in `bindings` or in `addresses`. */
export interface LearnedKey {
  readonly kind: 'binding' | 'address';
  readonly key: string;
}

export class Neighbors {
  /** Learned, by port and IP address; by datapath's key and MAC address. */
  readonly bindings: ReadonlyMap<string, LearnedBinding>;
  readonly addresses: ReadonlyMap<string, LearnedAddress>;
  /** Grows with every piece of news. */
  version = 0;
  private readonly tables: LearnedTables;
  private readonly ownBindings = new Map<string, LearnedBinding>();
  private readonly ownAddresses = new Map<string, LearnedAddress>();
  private readonly told = new Map<string, Told>();
  /** What the database says and what was learned stands before, and what it says before anything. */
  private below: ReadonlyMap<string, Told> = new Map();
  private above: ReadonlyMap<string, Told> = new Map();
  private ports: ReadonlyMap<string, { binding: PortBinding; datapath: number }> = new Map();
  private datapaths: ReadonlyMap<number, number> = new Map();
  private listener: (learned: LearnedKey) => void = () => {};

  constructor(tables: LearnedTables) {
    this.tables = tables;
    this.bindings = this.ownBindings;
    this.addresses = this.ownAddresses;
  }

  /** Tells `listener` of everything that becomes known from now on; not of what is learned once more. */
  whenLearned(listener: (learned: LearnedKey) => void): void {
    this.listener = listener;
  }

  /** From now on names mean what they mean in this program and database, whose own neighbours are known. */
  use(program: Program, southbound: Southbound): void {
    const pairs = program.datapaths.flatMap(({ number, view }) =>
      view.ports.map(({ binding }) => [binding.logicalPort, { binding, datapath: number }] as const),
    );
    this.ports = new Map(pairs);
    this.datapaths = new Map(program.datapaths.map(({ number, view }) => [view.binding.tunnelKey, number]));
    const { staticMacBindings: fixed, macBindings, fdb } = southbound;
    const behind = fixed.filter(({ overridesLearned }) => !overridesLearned);
    // Later ones stand before earlier ones: ovn-nb(5), Static_MAC_Binding.
    this.below = toldByKey([
      ...[...behind, ...macBindings].map((each) => this.neighborOf(each)),
      ...fdb.map((each) => this.addressOf(each)),
    ]);
    this.above = toldByKey(
      fixed.filter(({ overridesLearned }) => overridesLearned).map((each) => this.neighborOf(each)),
    );
    const learned = toldByKey([
      ...[...this.ownBindings.values()].map((each) => this.neighborOf(each)),
      ...[...this.ownAddresses.values()].map((each) => this.addressOf(each)),
    ]);
    const wanted = new Map([...this.below, ...learned, ...this.above]);
    for (const key of [...this.told.keys()]) if (!wanted.has(key)) this.tell(key, undefined);
    for (const [key, now] of wanted) this.tell(key, now);
  }

  /** Brings it to the plane; true if that is news.  What was learned later stands. */
  learnBinding(binding: LearnedBinding): boolean {
    const key = bindingKey(binding);
    const old = this.ownBindings.get(key);
    if (old && old.since > binding.since) return false;
    this.ownBindings.set(key, binding);
    if (!old) this.listener({ kind: 'binding', key });
    if (old?.mac === binding.mac) return false;
    this.version++;
    this.settle(this.neighborOf(binding), true);
    return true;
  }

  learnAddress(address: LearnedAddress): boolean {
    const key = addressKey(address);
    const old = this.ownAddresses.get(key);
    if (old && old.since > address.since) return false;
    this.ownAddresses.set(key, address);
    if (!old) this.listener({ kind: 'address', key });
    if (old?.portKey === address.portKey) return false;
    this.version++;
    this.settle(this.addressOf(address), true);
    return true;
  }

  /** Forgets what was learned; what the database says then holds. */
  forget({ kind, key }: LearnedKey): void {
    if (kind === 'binding') {
      const binding = this.ownBindings.get(key);
      this.ownBindings.delete(key);
      this.settle(binding && this.neighborOf(binding), false);
    } else {
      const address = this.ownAddresses.get(key);
      this.ownAddresses.delete(key);
      this.settle(address && this.addressOf(address), false);
    }
  }

  /** The MAC address of a neighbour, from whichever source; undefined if nobody knows. */
  macOf(logicalPort: string, address: Address): bigint | undefined {
    const port = this.ports.get(logicalPort);
    if (!port) return undefined;
    return this.told.get(neighborText(port.datapath, port.binding.tunnelKey, address))?.mac;
  }

  /** What was learned holds, or does not any more. */
  private settle(learned: Told | undefined, isKnown: boolean): void {
    if (!learned) return;
    const key = toldKey(learned);
    this.tell(key, this.above.get(key) ?? (isKnown ? learned : this.below.get(key)));
  }

  /** Brings the plane to what holds under a key; nothing if undefined. */
  private tell(key: string, now: Told | undefined): void {
    const old = this.told.get(key);
    if (now) {
      this.told.set(key, now);
      if (old?.mac === now.mac && old.port === now.port) return;
      if (now.kind === 'fdb') this.tables.putFdb(now.datapath, now.mac, now.port);
      else this.tables.putNeighbor(now.datapath, now.port, now.address, now.mac);
    } else if (old) {
      this.told.delete(key);
      if (old.kind === 'fdb') this.tables.forgetFdb(old.datapath, old.mac);
      else this.tables.forgetNeighbor(old.datapath, old.port, old.address);
    }
  }

  private neighborOf({ logicalPort, ip, mac }: MacBinding): Told | undefined {
    const port = this.ports.get(logicalPort);
    const address = parseAddress(ip);
    const value = parseEthernet(mac);
    if (!port || !address || value === undefined) return undefined;
    return { kind: 'neighbor', datapath: port.datapath, port: port.binding.tunnelKey, address, mac: value };
  }

  private addressOf({ datapathKey, portKey, mac }: FdbEntry): Told | undefined {
    const datapath = this.datapaths.get(datapathKey);
    const value = parseEthernet(mac);
    if (datapath === undefined || value === undefined) return undefined;
    return { kind: 'fdb', datapath, port: portKey, mac: value };
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
const addressKey = ({ datapathKey, mac }: FdbEntry): string => `${datapathKey} ${mac}`;

/** By what tells them apart, the later ones before the earlier ones. */
const toldByKey = (all: readonly (Told | undefined)[]): Map<string, Told> =>
  new Map(all.flatMap((told) => (told ? [[toldKey(told), told] as const] : [])));

const toldKey = (told: Told): string =>
  told.kind === 'fdb' ? `fdb ${told.datapath} ${told.mac}` : neighborText(told.datapath, told.port, told.address);

const neighborText = (datapath: number, port: number, { family, value }: Address): string =>
  `neighbor ${datapath} ${port} ${family} ${value}`;
