/**
 * The real conntrack: ovs-vswitchd with its userspace datapath on dummy devices,
 * without OVN.  A bridge sends frames of each port through `ct` actions and
 * out again with what conntrack said of them written over their Ethernet
 * addresses.  Needs Debian's openvswitch-switch (3.1.0); no root.
 *
 *     const peer = await startConntrackSwitch([actionsOfPort0, actionsOfPort1]);
 *     const frames = await peer.send([{ port: 0, frame }, ...]);
 *     await peer.stop();
 */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CtAction } from '../asm/plane/tracker.ts';
import { openCapture } from '../oracle/captures.ts';
import { connectControl } from '../oracle/control.ts';
import { startCentral } from '../oracle/sandbox.ts';

export interface Sent {
  port: number;
  frame: Uint8Array;
}

/** What came out: the frame with its Ethernet addresses zero, and what was written there. */
export interface Answered {
  frame: Uint8Array;
  /** ct_state, ct_mark and the low 16 bits of ct_label. */
  state: number;
  mark: number;
  label: number;
}

export interface ConntrackSwitch {
  /** Gives each port other actions, and forgets all connections. */
  configure(actions: readonly (readonly CtAction[])[]): Promise<void>;
  /** Sends frames one after the other; what came out of all of them, in order. */
  send(sent: readonly Sent[]): Promise<Answered[]>;
  appctl(method: string, ...params: string[]): Promise<string>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
/** The switch takes a frame from each device after up to ten commands. */
const turns = 11;
const queueLength = 50;

/** An action in the words of ovs-actions(7); goes on in table `next`. */
export function ctText({ zone, commit, force, nat, mark, label }: CtAction, next: number): string {
  const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
  const sets = [
    ...(mark ? [`set_field:${hex(mark[0])}/${hex(mark[1])}->ct_mark`] : []),
    ...(label ? [`set_field:${hex(label[0])}/${hex(label[1])}->ct_label`] : []),
  ];
  const target = (to: Extract<CtAction['nat'], object>): string => {
    const address = to.address?.includes(':') && to.ports ? `[${to.address}]` : to.address;
    return `nat(${to.to}=${address}${to.ports ? `:${to.ports[0]}-${to.ports[1]}` : ''})`;
  };
  const parts = [
    ...(commit || force ? ['commit'] : []),
    ...(force ? ['force'] : []),
    `zone=${zone}`,
    ...(nat ? [typeof nat === 'object' ? target(nat) : nat === 'known' ? 'nat' : 'nat(src)'] : []),
    ...(sets.length > 0 ? [`exec(${sets.join(',')})`] : []),
    `table=${next}`,
  ];
  return `ct(${parts.join(',')})`;
}

const written = [
  'move:NXM_NX_CT_STATE[]->NXM_OF_ETH_SRC[0..31]',
  'move:NXM_NX_CT_LABEL[0..15]->NXM_OF_ETH_SRC[32..47]',
  'move:NXM_NX_CT_MARK[]->NXM_OF_ETH_DST[0..31]',
].join(',');

/** Starts the switch with as many ports as there are lists of actions. */
export async function startConntrackSwitch(ports: number): Promise<ConntrackSwitch> {
  // Its supervisor ends the daemons however the test ends.
  const central = await startCentral({ northd: false });
  const folder = join(central.directory, 'switch');
  await mkdir(folder);
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const call = async (program: string, ...args: string[]): Promise<string> =>
    (await run(program, args, { env, maxBuffer: 1 << 26 })).stdout;
  const daemon = (program: string, ...args: string[]) =>
    call(
      program,
      ...args,
      '--detach',
      '--no-chdir',
      `--pidfile=${central.directory}/daemon.${program}.pid`,
      '-vconsole:off',
    );
  const db = `unix:${folder}/db.sock`;
  await call('ovsdb-tool', 'create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
  await daemon('ovsdb-server', `--unixctl=${folder}/ovsdb.ctl`, `--remote=p${db}`, `${folder}/conf.db`);
  const vsctl = (...args: string[]) => call('ovs-vsctl', '--timeout=30', `--db=${db}`, ...args);
  await vsctl('--no-wait', 'init');
  const dummies = ['--enable-dummy=system', '--disable-system', '--disable-system-route'];
  await daemon('ovs-vswitchd', ...dummies, '-vsyslog:off', `--unixctl=${folder}/vswitchd.ctl`, db);
  const out = join(folder, 'out.pcap');
  const device = (name: string, number: number, ...options: string[]): string[] => [
    ...['--', 'add-port', 'br0', name, '--', 'set', 'interface', name, 'type=dummy', 'mtu_request=65535'],
    ...[`ofport_request=${number}`, ...options],
  ];
  await vsctl(
    ...['add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail-mode=secure'],
    ...Array.from({ length: ports }, (_, port) => device(`p${port}`, port + 1)).flat(),
    ...device('out', 100, `options:tx_pcap="${out}"`),
  );
  const control = await connectControl(`${folder}/vswitchd.ctl`);
  const capture = openCapture(out);
  let dead: unknown;
  /** Rejects once the switch has ended, and whenever it is asked after that. */
  const ask = async (method: string, ...params: string[]): Promise<string> => {
    if (dead !== undefined) throw dead;
    try {
      return await control.ask(method, ...params);
    } catch (error) {
      dead = error;
      throw error;
    }
  };

  return {
    async configure(actions) {
      const flows = actions.flatMap((list, port) =>
        list.flatMap((action, table) => {
          const address = typeof action.nat === 'object' ? action.nat.address : undefined;
          const isV6 = address?.includes(':') ?? false;
          const isV4 = address?.includes('.') ?? false;
          const families = [...(isV6 ? [] : ['ip']), ...(isV4 ? [] : ['ipv6'])];
          const match = `table=${table},in_port=${port + 1}`;
          return [
            ...families.map((family) => `${match},${family},actions=${ctText(action, table + 1)}`),
            // The other family goes by.
            ...(families.length === 1 ? [`${match},priority=1,actions=resubmit(,${table + 1})`] : []),
          ];
        }),
      );
      const ends = actions.map(
        (list, port) => `table=${list.length},in_port=${port + 1},priority=0,actions=${written},output:100`,
      );
      await call('ovs-ofctl', 'del-flows', `unix:${folder}/br0.mgmt`);
      for (const flow of [...flows, ...ends]) await call('ovs-ofctl', 'add-flow', `unix:${folder}/br0.mgmt`, flow);
      await ask('revalidator/purge');
      await ask('dpctl/flush-conntrack');
      capture.read();
    },
    async send(sent) {
      for (let at = 0; at < sent.length; at += queueLength) {
        const portion = sent.slice(at, at + queueLength);
        for (const { port, frame } of portion) {
          const asked = [ask('netdev-dummy/receive', `p${port}`, Buffer.from(frame).toString('hex'))];
          for (let turn = 0; turn < turns; turn++) asked.push(ask('version'));
          await Promise.all(asked);
        }
      }
      return capture.read().map(readAnswer);
    },
    appctl: ask,
    async stop() {
      control.close();
      capture.close();
      await central.stop();
    },
  };
}

function readAnswer(frame: Uint8Array): Answered {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const bare = frame.slice();
  bare.fill(0, 0, 12);
  return {
    frame: bare,
    mark: view.getUint32(2),
    label: view.getUint16(6),
    state: view.getUint32(8) & 0xff,
  };
}
