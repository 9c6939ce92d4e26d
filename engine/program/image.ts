/** Writing the program image: asm/plane/image.ts says what is where. */
import {
  DATAPATH_SIZE,
  DF_COMMON_SNAT,
  DF_LOCALPORTS,
  DF_SWITCH,
  IM_CODE,
  IM_DATAPATH_KEYS,
  IM_DATAPATHS,
  IM_FLOWS,
  IM_LENGTH,
  IM_MAGIC,
  IM_PHYSICAL,
  IM_PORT_KEYS,
  IM_PORTS,
  IMAGE_HEADER,
  IMAGE_MAGIC,
  NO_FLOW,
  PF_LOCALPORT,
  PF_NESTED,
  PF_SHUT,
  PF_VTEP,
  PF_VXLAN,
  PH_GENEVE,
  PH_NETWORK,
  PH_NONE,
  PH_PASSTHRU,
  PH_VIF,
  PH_VXLAN,
  PHYSICAL_SIZE,
  PK_ABSENT,
  PK_BRIDGED,
  PK_BY_NETWORK,
  PK_GROUP,
  PK_NETWORK,
  PK_PATCH,
  PK_REDIRECT,
  PK_REMOTE,
  PK_VIF,
  PORT_SIZE,
  TABLES,
} from '../../asm/plane/image.ts';
import type { LocalDatapath, LocalGroup, LocalPort, NetworkMacs, Tunnel } from './chassis.ts';
import { type CompiledTables, hashBlob, type TableUse } from './tables.ts';

/** A local datapath with its numbers. */
export interface NumberedDatapath {
  readonly number: number;
  readonly view: LocalDatapath;
  readonly zones: { readonly dnat: number; readonly snat: number };
}

export interface ImageInput {
  readonly datapaths: readonly NumberedDatapath[];
  readonly tunnels: Iterable<Tunnel>;
  /** Zone of a port's connections, by name; 0 for those that have none. */
  zoneOf(port: LocalPort): number;
  readonly tables: CompiledTables;
  /** Code by flow number; undefined for flows that drop. */
  readonly code: readonly (readonly number[] | undefined)[];
}

export interface Image {
  readonly bytes: Uint8Array;
  /**
   * What stands behind each bit of a translation's VISITED: hashes of all that the
   * datapaths with that bit consist of, and, last, of the physical ports.
   */
  readonly digests: Uint32Array;
}

/** Bits of VISITED that datapaths share; asm/plane/walk.ts. */
const DATAPATH_BITS = 63;

export function writeImage(input: ImageInput): Image {
  return new ImageWriter(input).write();
}

class Words {
  private array = new Uint32Array(1 << 14);
  length = 0;

  /** Adds words; gives the offset in bytes of the first one. */
  add(words: ArrayLike<number>): number {
    const at = this.length;
    this.grow(at + words.length);
    this.array.set(words, at);
    return at * 4;
  }

  /** Adds so many zeros. */
  skip(count: number): number {
    const at = this.length;
    this.grow(at + count);
    return at * 4;
  }

  align(): void {
    if (this.length % 2 === 1) this.skip(1);
  }

  /** A word at an offset in bytes. */
  set(offset: number, value: number): void {
    this.array[offset >> 2] = value;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.array.buffer, 0, this.length * 4).slice();
  }

  private grow(length: number): void {
    this.length = length;
    if (length <= this.array.length) return;
    const larger = new Uint32Array(Math.max(length, this.array.length * 2));
    larger.set(this.array);
    this.array = larger;
  }
}

class ImageWriter {
  private readonly input: ImageInput;
  private readonly words = new Words();
  private readonly digests = new Uint32Array(DATAPATH_BITS + 1).fill(0x811c9dc5);
  /** Port records by datapath and key, and by the binding's UUID. */
  private readonly records = new Map<string, number>();
  private readonly numbers: ReadonlyMap<string, number>;

  constructor(input: ImageInput) {
    this.input = input;
    this.numbers = new Map(input.datapaths.map(({ number, view }) => [view.binding.uuid, number]));
  }

  write(): Image {
    const { words } = this;
    words.skip(IMAGE_HEADER / 4);
    words.set(IM_MAGIC, IMAGE_MAGIC);
    const code = this.writeCode();
    this.writeDatapaths(code);
    this.writePorts();
    this.writePhysical();
    words.align();
    words.set(IM_LENGTH, words.length * 4);
    return { bytes: words.bytes(), digests: this.digests };
  }

  /** Mixes words into the digest of a datapath, or of the physical ports. */
  private digest(datapath: number | 'physical', words: ArrayLike<number>): void {
    const bit = datapath === 'physical' ? DATAPATH_BITS : datapath % DATAPATH_BITS;
    let hash = this.digests[bit] as number;
    for (let i = 0; i < words.length; i++) hash = mixed(hash, words[i] as number);
    this.digests[bit] = hash;
  }

  /** Code of all flows, equal ones once; gives the hash of each flow's code. */
  private writeCode(): Uint32Array {
    const { words, input } = this;
    const { numbersEnd, flows } = input.tables;
    const begin = words.length * 4;
    const offsets = new Uint32Array(numbersEnd);
    const written = new Map<readonly number[], { offset: number; hash: number }>();
    const hashes = new Uint32Array(numbersEnd);
    for (const { number } of flows) {
      const code = input.code[number];
      if (!code || code.length === 0) continue;
      let known = written.get(code);
      if (!known) {
        const offset = words.add([code.length + 1]);
        words.add(code);
        known = { offset, hash: hashOf(code) };
        written.set(code, known);
      }
      offsets[number] = known.offset;
      hashes[number] = known.hash;
    }
    words.set(IM_CODE, begin);
    words.set(IM_CODE + 4, words.length * 4);
    words.set(IM_FLOWS, numbersEnd);
    words.set(IM_FLOWS + 4, words.add(offsets));
    return hashes;
  }

  private writeDatapaths(code: Uint32Array): void {
    const { words, input } = this;
    const { datapaths, tables } = input;
    const end = datapaths.reduce((most, { number }) => Math.max(most, number + 1), 0);
    words.align();
    const records = words.skip((end * DATAPATH_SIZE) / 4);
    words.set(IM_DATAPATHS, end);
    words.set(IM_DATAPATHS + 4, records);
    const blobs = tables.blobs.map((blob) => {
      words.align();
      const content = new Uint32Array(blob.buffer, blob.byteOffset, blob.byteLength >> 2);
      return { offset: words.add(content), hash: hashBlob(blob) };
    });
    const uses = new Map<number, TableUse[]>();
    for (const use of tables.tables) {
      const list = uses.get(use.datapath);
      if (list) list.push(use);
      else uses.set(use.datapath, [use]);
    }
    for (const datapath of datapaths) {
      const { number, view, zones } = datapath;
      const { binding, ports } = view;
      const record = records + number * DATAPATH_SIZE;
      const hasLocalports = ports.some((port) => port.binding.type === 'localport');
      const flags =
        (binding.kind === 'switch' ? DF_SWITCH : 0) |
        (binding.externalIds['snat-ct-zone'] === undefined ? 0 : DF_COMMON_SNAT) |
        (hasLocalports ? DF_LOCALPORTS : 0);
      const head = [flags, binding.tunnelKey, zones.dnat | (zones.snat << 16)];
      for (const [i, word] of head.entries()) words.set(record + 4 * i, word);
      const list = new Uint32Array(TABLES * 4).fill(0);
      for (let i = 0; i < TABLES * 2; i++) list[i * 2 + 1] = NO_FLOW;
      for (const use of uses.get(number) ?? []) {
        const at = ((use.pipeline === 'ingress' ? 0 : TABLES) + use.table) * 2;
        const blob = blobs[use.blob];
        if (blob) {
          list[at] = blob.offset;
          list[at + 1] = words.add(use.numbers);
          this.digest(number, [at, blob.hash]);
        } else {
          list[at + 1] = use.always < 0 ? NO_FLOW : use.always;
          this.digest(number, [at, use.always]);
        }
        this.digestFlows(number, blob ? use.numbers : use.always < 0 ? [] : [use.always], code);
      }
      words.set(record + 12, words.add(list));
      this.digest(number, head);
    }
    const keys = datapaths
      .map(({ number, view }) => [view.binding.tunnelKey, number] as const)
      .sort(([a], [b]) => a - b);
    words.set(IM_DATAPATH_KEYS, keys.length);
    words.set(IM_DATAPATH_KEYS + 4, words.add(keys.flat()));
  }

  private digestFlows(datapath: number, numbers: ArrayLike<number>, code: Uint32Array): void {
    const bit = datapath % DATAPATH_BITS;
    let hash = this.digests[bit] as number;
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] as number;
      hash = mixed(mixed(hash, number), code[number] as number);
    }
    this.digests[bit] = hash;
  }

  private writePorts(): void {
    const { words, input } = this;
    // Record 0 is none.
    let next = 1;
    for (const { view } of input.datapaths) {
      for (const { binding } of view.ports) this.records.set(binding.uuid, next++);
      for (const { group } of view.groups) this.records.set(group.uuid, next++);
    }
    words.align();
    const records = words.skip((next * PORT_SIZE) / 4);
    words.set(IM_PORTS, next);
    words.set(IM_PORTS + 4, records);
    const keys: [number, number][] = [];
    for (const { number, view } of input.datapaths) {
      const put = (uuid: string, key: number, content: readonly number[]) => {
        const record = this.records.get(uuid) ?? 0;
        for (const [i, word] of content.entries()) words.set(records + record * PORT_SIZE + 4 * i, word >>> 0);
        keys.push([((number << 16) | key) >>> 0, record]);
      };
      for (const port of view.ports) {
        const content = this.portWords(number, port);
        const list = listOf(port.reach);
        // Those of a bridged port stand in its record itself.
        put(port.binding.uuid, port.binding.tunnelKey, list.length > 0 ? [...content, words.add(list)] : content);
        // What a record's number is does not matter to anybody.
        const stands =
          port.reach.kind === 'patch' ? port.reach.peer : port.reach.kind === 'bridged' && port.reach.network;
        this.digest(number, [...content.slice(0, 5), ...content.slice(6), ...list, stands ? stands.tunnelKey : 0]);
      }
      for (const group of view.groups) {
        const list = groupList(group);
        const flags = group.tunnels.some(({ type }) => type === 'vxlan') ? PF_VXLAN : 0;
        const head = [PK_GROUP | (flags << 8), number, group.group.tunnelKey, 0, 0, 0];
        put(group.group.uuid, group.group.tunnelKey, [...head, words.add(list)]);
        this.digest(number, [...head, ...list]);
      }
    }
    this.writePortKeys(keys);
  }

  private portWords(number: number, port: LocalPort): number[] {
    const { binding, reach } = port;
    let kind = PK_ABSENT;
    let flags = binding.type === 'localport' ? PF_LOCALPORT : 0;
    let tag = 0;
    let value = 0;
    let peer = [0, 0];
    let mac: number[] = [];
    switch (reach.kind) {
      case 'vif':
      case 'network':
        kind = reach.kind === 'vif' ? PK_VIF : PK_NETWORK;
        if (reach.nested) flags |= PF_NESTED;
        if (reach.isShut) flags |= PF_SHUT;
        if (reach.others?.some(({ type }) => type === 'vxlan')) flags |= PF_VXLAN;
        tag = reach.tag;
        value = reach.physical;
        break;
      case 'patch':
        kind = PK_PATCH;
        peer = [this.numbers.get(reach.peer.datapath) ?? 0, this.records.get(reach.peer.uuid) ?? 0];
        if (peer[1] === 0) kind = PK_ABSENT;
        break;
      case 'remote':
        kind = PK_REMOTE;
        value = reach.tunnel.number;
        if (reach.isVtep) flags |= PF_VTEP;
        if (reach.tunnel.type === 'vxlan') flags |= PF_VXLAN;
        break;
      case 'bridged': {
        kind = PK_BRIDGED;
        mac = macWords(reach.mac);
        peer = [this.numbers.get(reach.network.datapath) ?? 0, this.records.get(reach.network.uuid) ?? 0];
        if (peer[1] === 0) kind = PK_ABSENT;
        break;
      }
      case 'redirect':
      case 'by-network':
        kind = reach.kind === 'redirect' ? PK_REDIRECT : PK_BY_NETWORK;
        value = reach.key;
        break;
      case 'absent':
    }
    const keyAndZone = binding.tunnelKey | (this.input.zoneOf(port) << 16);
    return [kind | (flags << 8) | (tag << 16), number, keyAndZone, value, ...peer, ...mac];
  }

  /** A hash table at most half full. */
  private writePortKeys(keys: readonly (readonly [number, number])[]): void {
    const { words } = this;
    let slots = 2;
    while (slots < keys.length * 2 + 2) slots *= 2;
    const table = new Uint32Array(slots * 2);
    for (const [key, record] of keys) {
      let i = Math.imul(key, 0x9e3779b1) >>> 15;
      while (table[(i & (slots - 1)) * 2 + 1] !== 0) i++;
      table.set([key, record], (i & (slots - 1)) * 2);
    }
    words.set(IM_PORT_KEYS, slots);
    words.set(IM_PORT_KEYS + 4, words.add(table));
  }

  private writePhysical(): void {
    const { words } = this;
    const ports = new Map<number, { kind: number; untagged: number; tags: [number, number][] }>();
    const at = (physical: number, kind: number) => {
      const port = ports.get(physical) ?? { kind, untagged: 0, tags: [] };
      ports.set(physical, port);
      return port;
    };
    for (const { view } of this.input.datapaths) {
      for (const { binding, reach } of view.ports) {
        if (reach.kind !== 'vif' && reach.kind !== 'network') continue;
        const passes = binding.options['vlan-passthru'] === 'true';
        const kind = reach.kind === 'vif' ? PH_VIF : passes ? PH_PASSTHRU : PH_NETWORK;
        const port = at(reach.physical, kind);
        const record = this.records.get(binding.uuid) ?? 0;
        if (reach.tag === 0) port.untagged = record;
        else port.tags.push([reach.tag, record]);
        this.digest('physical', [
          reach.physical,
          kind,
          reach.tag,
          this.numbers.get(binding.datapath) ?? 0,
          binding.tunnelKey,
          reach.isShut ? 1 : 0,
        ]);
      }
    }
    for (const { port, type } of this.input.tunnels) {
      at(port, type === 'geneve' ? PH_GENEVE : PH_VXLAN);
      this.digest('physical', [port, type === 'geneve' ? PH_GENEVE : PH_VXLAN]);
    }
    for (const { number, view } of this.input.datapaths) this.digest('physical', [number, view.binding.tunnelKey]);
    let end = 0;
    for (const number of ports.keys()) end = Math.max(end, number + 1);
    const records = words.skip((end * PHYSICAL_SIZE) / 4);
    words.set(IM_PHYSICAL, end);
    words.set(IM_PHYSICAL + 4, records);
    for (let number = 0; number < end; number++) {
      const { kind, untagged, tags } = ports.get(number) ?? { kind: PH_NONE, untagged: 0, tags: [] };
      const list = words.add(tags.flat());
      for (const [i, word] of [kind, untagged, list, tags.length].entries()) {
        words.set(records + number * PHYSICAL_SIZE + 4 * i, word);
      }
    }
  }
}

/** A MAC address as two words, the low one first. */
function macWords(mac: string): number[] {
  const address = Number.parseInt(mac.replaceAll(':', ''), 16);
  return [address % 2 ** 32, Math.floor(address / 2 ** 32)];
}

function macList({ own, routers, others, router }: NetworkMacs): number[] {
  const list = (macs: readonly string[]): number[] => [macs.length, ...macs.flatMap(macWords)];
  return [...macWords(own), ...list(routers), ...list(others), ...macWords(router)];
}

/** What stands beside a port's record: MAC addresses of a network, tunnels to further chassis. */
function listOf(reach: LocalPort['reach']): number[] {
  if (reach.kind !== 'vif' && reach.kind !== 'network' && reach.kind !== 'remote') return [];
  if (reach.others) return [reach.others.length, ...reach.others.map(({ number }) => number)];
  return reach.kind === 'network' && reach.macs ? macList(reach.macs) : [];
}

function groupList({ own, tunnels, here }: LocalGroup): number[] {
  return [own.length, ...own, tunnels.length, ...tunnels.map(({ number }) => number), here.length, ...here];
}

function hashOf(words: ArrayLike<number>): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = mixed(hash, words[i] as number);
  return hash;
}

function mixed(hash: number, word: number): number {
  return Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
}
