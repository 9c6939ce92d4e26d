/** The device that a command talks to: an lflow-device, by its socket. */
import { existsSync } from 'node:fs';
import { Option } from 'commander';
import { ApplyError, connectDevice, deviceProgram, type OffloadDevice } from '../../native/offload/index.ts';
import { UsageError } from '../command.ts';

/** Where lflow-device listens unless told. */
export const defaultSocket = '/run/lflow/device';

/** `--socket PATH`. */
export const socketOption = (): Option =>
  new Option('--socket <PATH>', 'where lflow-device listens').default(defaultSocket);

/** `--journal FILE`. */
export const journalOption = (): Option =>
  new Option(
    '--journal <FILE>',
    "what was done to the device's rules, and by whom (default: the socket's name and .journal)",
  );

export const journalOf = ({ socket, journal }: { socket: string; journal?: string }): string =>
  journal ?? `${socket}.journal`;

/** Does something with the device; throws `UsageError` with what it complains about. */
export async function withDevice<T>(socket: string, work: (device: OffloadDevice) => Promise<T>): Promise<T> {
  const device = await connectDevice(socket).catch((error: unknown): never => {
    throw new UsageError(`${reason(error)}; ${whatToDo(socket)}`);
  });
  try {
    return await work(device);
  } catch (error) {
    if (error instanceof ApplyError) throw new UsageError(refusals(error));
    throw error instanceof Error ? new UsageError(error.message) : error;
  } finally {
    await device.close();
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** On a machine without the program, how to get it; on one that has it, how to start it. */
function whatToDo(socket: string): string {
  const program = programPath();
  if (program === undefined) {
    return 'lflow-device was not built on this machine: install libdpdk-dev, cmake and pkg-config, then npm run build:dpdk (docs/offload/binding.md)';
  }
  return `start it: ${program} ${socket} '{"kind": "dpdk", "eal": [...]}' (docs/offload/binding.md), or name its socket with --socket`;
}

function programPath(): string | undefined {
  try {
    const program = deviceProgram();
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

/** So many refusals are told. */
const mostRefusals = 20;

function refusals({ refusals: all, remains }: ApplyError): string {
  const more = all.length - mostRefusals;
  return [
    'the device refuses the rules, and has those from before:',
    ...all.slice(0, mostRefusals).map((one) => `  ${one}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...remains.map((one) => `  not taken back: ${one}`),
  ].join('\n');
}
