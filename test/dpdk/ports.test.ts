/** Ports that DPDK drives: found by name, and what their drivers say to rules.  DPDK is started once in a process. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { ealOptions } from './doubles.ts';

const index = pathToFileURL(fileURLToPath(new URL('../../dist/native/offload/index.js', import.meta.url))).href;

/** Runs a script in a process of its own and gives the JSON that it prints last. */
function run(script: string) {
  const whole = `
    import { connectDevice, openDevice, startDevice } from ${JSON.stringify(index)};
    const eal = ${JSON.stringify(ealOptions())};
    const say = (value) => console.log(JSON.stringify(value));
    const refusal = (promise) => promise.then(() => 'taken', (error) => error.message);
    const rule = { group: 0, priority: 0, pattern: [{ type: 'eth' }], actions: [{ type: 'drop' }] };
    ${script}`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', whole], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_RUNTIME_DIR: '/tmp' },
  });
  return JSON.parse(said.trim().split('\n').at(-1) ?? '');
}

test('ports are found and have their names and devices', () => {
  const ports = run(`
    const device = await openDevice({ kind: 'dpdk', eal });
    say(device.ports);
    await device.close();`);
  expect(ports).toEqual([
    { number: 0, name: 'net_null0', device: 'net_null0' },
    { number: 1, name: 'net_null1', device: 'net_null1' },
  ]);
});

test('a driver that takes no rules is cited, and the device goes on; names of ports are known', () => {
  const answers = run(`
    const device = await openDevice({ kind: 'dpdk', eal, port: 'net_null1' });
    const to = (port) => ({ ...rule, actions: [{ type: 'represented_port', ethdev_port_id: port }] });
    say([
      await device.validate([rule, to('net_null0'), to('pf0')]),
      await device.create([rule, rule]),
      await device.destroy([1]),
      await device.list(),
      await refusal(device.createIndirect(1, { type: 'conntrack' })),
      await refusal(device.createMeter({ mtr_id: 1, cir: 1, cbs: 1 })),
      await refusal(device.aged()),
      await refusal(device.receive('net_null0', [])),
    ]);
    await device.close();`);
  const no = { error: 'the device refuses it: Function not implemented' };
  expect(answers).toEqual([
    [no, no, { error: 'actions[0].ethdev_port_id: the device has no port "pf0"; it has net_null0, net_null1' }],
    [no],
    [{ error: 'there is no rule 1' }],
    [],
    'the device refuses it: Function not implemented',
    expect.stringMatching(/^the device refuses it for the state of the device: .+/),
    'the device refuses it: Function not implemented',
    'receive is for the emulated device only',
  ]);
});

test('what cannot be opened is told in a sentence', () => {
  expect(
    run(`
      const none = await refusal(openDevice({ kind: 'dpdk', eal: eal.slice(0, -2) }));
      say([none, await refusal(openDevice({ kind: 'dpdk', eal }))]);`),
  ).toEqual([
    'DPDK has found no port: name devices with --allow=ADDRESS,representor=... or --vdev=...',
    'DPDK was started in this process already, and cannot be started twice',
  ]);
  expect(run(`say(await refusal(openDevice({ kind: 'dpdk', eal, port: 'pf0vf3' })));`)).toBe(
    'DPDK has no port pf0vf3; it has net_null0 net_null1',
  );
  expect(run(`say(await refusal(openDevice({ kind: 'dpdk', eal: ['--no-such-option'] })));`)).toMatch(
    /^DPDK does not start with these options: /,
  );
});

test('JavaScript goes on while DPDK starts, and the process ends by itself, closed or not', () => {
  const turns = run(`
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const device = await openDevice({ kind: 'dpdk', eal });
    clearInterval(timer);
    await device.validate([rule]);
    say(turns);`);
  expect(turns).toBeGreaterThan(0);
});

test('requests of one device are answered in their order, those after its end are refused', () => {
  expect(
    run(`
      const device = await openDevice({ kind: 'emulated', ports: ['p0'] });
      const made = await Promise.all([device.create([rule]), device.list(), device.create([rule]), device.list()]);
      const [, , , closing] = [device.create([rule]), device.close(), 0, refusal(device.list())];
      say([made.map((list) => list.length), await closing, await refusal(device.close())]);`),
  ).toEqual([[1, 1, 1, 2], 'the device is closed', 'the device is closed']);
});

test('DPDK in a process of its own', () => {
  const answers = run(`
    const socket = '/tmp/lflow-test-' + process.pid;
    const running = await startDevice(socket, { kind: 'dpdk', eal });
    const device = await connectDevice(socket);
    say([device.ports.length, await device.validate([rule])]);
    await device.close();
    await running.stop();`);
  expect(answers).toEqual([2, [{ error: 'the device refuses it: Function not implemented' }]]);
});
