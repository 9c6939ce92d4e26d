/**
 * A folder of captures, one for each port that was sent anything: `LPORT.pcap`.
 * The files appear when all of them are complete, or not at all.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type CaptureWriter, captureWriter, type WrittenFrame } from '../../engine/capture/index.ts';
import { systemReason, UsageError } from '../command.ts';

/** Bytes that are kept in memory before they are written. */
const patience = 4 << 20;

interface PortFile {
  /** Where it is written first. */
  beside: string;
  /** Whether anything was written there. */
  isThere: boolean;
  writer: CaptureWriter;
}

export class CaptureFolder {
  private readonly folder: string;
  private readonly files = new Map<string, PortFile>();
  private readonly mark = randomBytes(6).toString('hex');
  private pending = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Where a port's capture stands at the end. */
  pathOf(port: string): string {
    return join(this.folder, `${fileName(port)}.pcap`);
  }

  /** Names of ports that were sent anything. */
  get ports(): string[] {
    return [...this.files.keys()];
  }

  add(port: string, frame: WrittenFrame): void {
    let file = this.files.get(port);
    if (!file) {
      const beside = join(this.folder, `.lflow-${this.mark}-${this.files.size}`);
      file = { beside, isThere: false, writer: captureWriter('pcap') };
      this.files.set(port, file);
    }
    file.writer.add(frame);
    this.pending += frame.bytes.length;
  }

  /** Writes what has gathered, if that is much.  Throws `UsageError` if it cannot be written. */
  async relieve(): Promise<void> {
    if (this.pending >= patience) await this.told(() => this.write(false));
  }

  /**
   * Has the files appear.  Those of other `ports` from an earlier time go: they
   * were not sent anything this time.  Throws `UsageError` if that fails.
   */
  async finish(ports: Iterable<string>): Promise<void> {
    await this.told(async () => {
      await makeFolder(resolve(this.folder));
      await this.write(true);
      for (const [port, { beside }] of this.files) await rename(beside, this.pathOf(port));
      for (const port of ports) if (!this.files.has(port)) await rm(this.pathOf(port), { force: true });
    });
  }

  /** Takes away what was written so far. */
  async abandon(): Promise<void> {
    for (const { beside, isThere } of this.files.values()) if (isThere) await rm(beside, { force: true });
  }

  /** Throws `UsageError` if one of these files would be replaced by, or go for, a port's. */
  refuse(inputs: readonly string[], ports: Iterable<string>): void {
    const taken = new Set([...ports].map((port) => resolve(this.pathOf(port))));
    const clash = inputs.find((input) => taken.has(resolve(input)));
    if (clash === undefined) return;
    throw new UsageError(`${clash} is read, and --out ${this.folder} would replace it; give another folder`);
  }

  private async write(last: boolean): Promise<void> {
    await makeFolder(resolve(this.folder));
    for (const file of this.files.values()) {
      const { beside, writer } = file;
      const handle = await open(beside, 'a');
      file.isThere = true;
      try {
        await handle.writeFile(writer.take());
        if (last) await handle.sync();
      } finally {
        await handle.close();
      }
    }
    this.pending = 0;
  }

  private async told(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      throw new UsageError(`cannot write to --out ${this.folder}: ${systemReason(error)}`);
    }
  }
}

/** Makes a folder, and those above it.  `recursive` of mkdir() does not come back where the system refuses, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    const above = dirname(path);
    if (code !== 'ENOENT' || above === path) throw error;
    await makeFolder(above);
    await mkdir(path);
  }
}

/** Characters that stand for themselves: RFC 3986's unreserved ones. */
const plain = /[A-Za-z0-9._~-]/;

/** A port's name as a file's: all but letters, digits and `-._~` as `%XX`, and a dot at the beginning, too. */
export function fileName(port: string): string {
  const bytes = [...Buffer.from(port, 'utf8')];
  return bytes
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      const stands = byte < 0x80 && plain.test(character) && !(index === 0 && character === '.');
      return stands ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
