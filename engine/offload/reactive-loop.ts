/**
 * A data plane and a device that carry packets together: software handles what the device hands to it, rules are made of
 * its megaflows, and go when they are not used, when their connection ends, or when what they were made of changes.
 *
 *     const node = createNode(withTunnels({ southbound, chassis: 'worker1' }, device));
 *     const loop = await openLoop({ node, chassis: 'worker1', device, capabilities, hardware: await openDevice(...) });
 *     const out = await loop.software([{ port: 'red/vm1', frame }]);      // what the device handed to software
 *     await loop.tick(1000);                                               // time goes by
 *     await loop.close();                                                  // the device has none of its rules any more
 *
 * Nothing is taken for granted that the device does not tell: a rule that it refuses is not there, its packets stay in
 * software, and are not offered again for a while.
 */
import type { Node, Received } from '../node/node.ts';
import type { Southbound } from '../ovsdb/southbound.ts';
import type { Placement } from '../program/placement.ts';
import type { Reason } from './plan.ts';
import { openReactive, type Placed, type Reactive, type ReactiveOptions } from './reactive.ts';
import { trackingAction } from './reactive-rules.ts';
import type { Action, Rule, RuleSet } from './rules.ts';

/** What a device has to do; `OffloadDevice` of native/offload does it. */
export interface LoopDevice {
  create(rules: readonly Rule[]): Promise<readonly { readonly id?: number; readonly error?: string }[]>;
  destroy(ids: readonly number[]): Promise<readonly { readonly error?: string }[]>;
  list(): Promise<readonly { readonly id: number; readonly packets?: number; readonly idle?: number }[]>;
  /** Ids of rules that met no packet for longer than their timeout, each told once. */
  aged(): Promise<readonly number[]>;
  createIndirect(id: number, action: Action): Promise<void>;
  destroyIndirect(id: number): Promise<void>;
  claim(): Promise<void>;
  release(): Promise<void>;
}

export interface LoopOptions extends ReactiveOptions {
  /** Made with the options of `withTunnels`. */
  readonly node: Node;
  /** Its name. */
  readonly chassis: string;
  readonly hardware: LoopDevice;
}

export interface LoopStats {
  /** Rules that are in the device, without those that lead to others. */
  readonly rules: number;
  readonly created: number;
  /** Rules that went, and why. */
  readonly removed: { readonly unused: number; readonly changed: number };
  /** Rules that the device refused, and what it said first. */
  readonly refused: number;
  readonly refusal?: string;
  /** Packets that software kept, by reason. */
  readonly kept: Readonly<Record<string, number>>;
}

/** All functions are done one after the other, in the order in which they are called. */
export interface Loop {
  /**
   * Software handles frames that the device handed to it, each by the port that it came in by (a logical port, a localnet
   * port, or UNDERLAY); gives what ports are sent.  When it resolves, the device has the rules that came of it.
   */
  software(frames: readonly Received[]): Promise<Received[]>;
  /** Lets so many milliseconds pass, and gives what ports are sent meanwhile.  To be called every few seconds at least. */
  tick(milliseconds: number): Promise<Received[]>;
  /** Takes another database into use; rules that do not hold any more are gone when it resolves. */
  update(southbound: Southbound, placement?: Placement): Promise<Received[]>;
  /** The rules as they are, with the connections that they stand on. */
  ruleSet(): RuleSet;
  stats(): LoopStats;
  /** Removes all of its rules and lets go of the device; the node goes on. */
  close(): Promise<void>;
}

/** Milliseconds between two looks at what the device counted. */
const LOOK = 5000;
/** Milliseconds for which a rule that was refused is not offered again. */
const PATIENCE = 10_000;

/** Rules in the device. */
interface Installed {
  readonly placed: Placed;
  readonly ids: readonly number[];
  packets: number;
}

/** Begins; rejects where somebody else changes the device's rules, or has some there. */
export async function openLoop(options: LoopOptions): Promise<Loop> {
  const { hardware } = options;
  await hardware.claim();
  try {
    const others = (await hardware.list()).length;
    if (others > 0) throw new Error(`the device has ${others} rules of somebody else; remove them first`);
    const running = new Running(options);
    await running.begin();
    return running.face();
  } catch (error) {
    await hardware.release().catch(() => undefined);
    throw error;
  }
}

class Running {
  private readonly node: Node;
  private readonly hardware: LoopDevice;
  private readonly table: Reactive;
  private readonly installed = new Map<number, Installed>();
  /** By number of a connection: how many rules use it. */
  private readonly users = new Map<number, number>();
  private readonly refusedUntil = new Map<string, number>();
  private readonly kept = new Map<string, number>();
  private entryIds: readonly number[] = [];
  private created = 0;
  private unused = 0;
  private changed = 0;
  private refused = 0;
  private refusal: string | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private lookedAt = 0;

  constructor({ node, chassis, hardware, ...options }: LoopOptions) {
    this.node = node;
    this.hardware = hardware;
    this.table = openReactive(node, chassis, options);
  }

  async begin(): Promise<void> {
    this.entryIds = await this.create(this.table.entry);
  }

  face(): Loop {
    return {
      software: (frames) => this.next(() => this.software(frames)),
      tick: (milliseconds) => this.next(() => this.tick(milliseconds)),
      update: (southbound, placement) => this.next(() => this.update(southbound, placement)),
      ruleSet: () => this.table.ruleSet(),
      stats: () => this.stats(),
      close: () => this.next(() => this.close()),
    };
  }

  /** After what is under way, however that ends. */
  private next<T>(act: () => Promise<T>): Promise<T> {
    const done = this.last.then(act, act);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async software(frames: readonly Received[]): Promise<Received[]> {
    const out: Received[] = [];
    for (const { port, frame } of frames) {
      this.node.send(port, frame);
      out.push(...this.node.received());
      await this.mend();
      await this.learn(port, frame);
    }
    return out;
  }

  private async learn(port: string, frame: Uint8Array): Promise<void> {
    const { added, reason } = this.table.learn(port, frame);
    if (reason) this.keep(reason);
    if (!added) return;
    const key = JSON.stringify(added.rules[0]?.pattern);
    const until = this.refusedUntil.get(key) ?? 0;
    if (until > this.node.now) {
      this.table.remove(added.number);
      return;
    }
    try {
      await this.install(added);
      // From now on the device may have packets of which software does not know.
      this.table.carried(added.number);
      this.refusedUntil.delete(key);
    } catch (error) {
      this.table.remove(added.number);
      this.refused++;
      this.refusal ??= error instanceof Error ? error.message : String(error);
      this.refusedUntil.set(key, this.node.now + PATIENCE);
    }
  }

  private keep({ code }: Reason): void {
    this.kept.set(code, (this.kept.get(code) ?? 0) + 1);
  }

  /** The rule that packets meet first comes last, so that none is half treated. */
  private async install(placed: Placed): Promise<void> {
    const { connection } = placed;
    const isFirst = connection !== undefined && !this.users.has(connection);
    if (isFirst) await this.hardware.createIndirect(connection, trackingAction);
    try {
      const ids = (await this.create([...placed.rules].reverse())).toReversed();
      this.installed.set(placed.number, { placed, ids, packets: 0 });
      this.created += ids.length;
      if (connection !== undefined) this.users.set(connection, (this.users.get(connection) ?? 0) + 1);
    } catch (error) {
      if (isFirst) await this.hardware.destroyIndirect(connection);
      throw error;
    }
  }

  /** Creates all of these rules, or none. */
  private async create(rules: readonly Rule[]): Promise<readonly number[]> {
    const outcomes = await this.hardware.create(rules);
    const ids = outcomes.flatMap(({ id }) => id ?? []);
    if (ids.length === rules.length) return ids;
    await this.destroy(ids.toReversed());
    throw new Error(
      outcomes.find(({ error }) => error !== undefined)?.error ?? 'the device does not say why it refuses',
    );
  }

  private async destroy(ids: readonly number[]): Promise<void> {
    const [error] = (await this.hardware.destroy(ids)).flatMap((outcome) => outcome.error ?? []);
    if (error !== undefined) throw new Error(`a rule cannot be removed: ${error}`);
  }

  /** The rule that packets meet first goes first. */
  private async uninstall({ number }: Placed): Promise<number> {
    const found = this.installed.get(number);
    if (!found) return 0;
    this.installed.delete(number);
    await this.destroy(found.ids);
    const { connection } = found.placed;
    if (connection === undefined) return found.ids.length;
    const users = (this.users.get(connection) ?? 1) - 1;
    if (users > 0) this.users.set(connection, users);
    else {
      this.users.delete(connection);
      await this.hardware.destroyIndirect(connection);
    }
    return found.ids.length;
  }

  /** Removes what does not hold any more. */
  private async mend(): Promise<void> {
    for (const placed of this.table.stale()) this.changed += await this.uninstall(placed);
  }

  private async tick(milliseconds: number): Promise<Received[]> {
    const out: Received[] = [];
    for (let left = milliseconds; ; ) {
      const until = this.lookedAt + LOOK - this.node.now;
      if (until <= 0) await this.look();
      const step = Math.min(left, until > 0 ? until : LOOK);
      this.node.advance(step);
      out.push(...this.node.received());
      left -= step;
      if (left <= 0) break;
    }
    await this.mend();
    return out;
  }

  /** What the device counted keeps connections; what it did not use goes. */
  private async look(): Promise<void> {
    this.lookedAt = this.node.now;
    const counted = new Map((await this.hardware.list()).map((rule) => [rule.id, rule]));
    for (const installed of this.installed.values()) {
      const { placed, ids } = installed;
      const packets = ids.reduce((sum, id) => sum + (counted.get(id)?.packets ?? 0), 0);
      if (packets === installed.packets) continue;
      installed.packets = packets;
      this.table.carried(placed.number);
    }
    const aged = new Set(await this.hardware.aged());
    for (const { placed, ids } of [...this.installed.values()]) {
      if (!ids.some((id) => aged.has(id))) continue;
      this.table.remove(placed.number);
      this.unused += await this.uninstall(placed);
    }
  }

  private async update(southbound: Southbound, placement?: Placement): Promise<Received[]> {
    await this.look();
    this.node.update(southbound, placement);
    await this.mend();
    return this.node.received();
  }

  private stats(): LoopStats {
    return {
      rules: [...this.installed.values()].reduce((sum, { ids }) => sum + ids.length, 0),
      created: this.created,
      removed: { unused: this.unused, changed: this.changed },
      refused: this.refused,
      ...(this.refusal !== undefined && { refusal: this.refusal }),
      kept: Object.fromEntries(this.kept),
    };
  }

  private async close(): Promise<void> {
    for (const { placed } of [...this.installed.values()]) {
      this.table.remove(placed.number);
      await this.uninstall(placed);
    }
    await this.destroy(this.entryIds);
    this.entryIds = [];
    await this.hardware.release();
  }
}
