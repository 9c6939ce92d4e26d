import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openThreads, type Unverified, usualWorkers } from '../../../cli/runners/threads.ts';
import { forOnce, type Kept } from '../../../sim/jobs/kept.ts';
import type { Verification } from '../../../sim/verdict.ts';
import { openVerifier, type Runner, verifyNetwork } from '../../../sim/verifier.ts';
import { subjectOf, tenant } from '../../sim/jobs/alike/subjects.ts';
import { cheap, said, twoVpcs } from '../../sim/jobs/subjects.ts';
import { vf } from '../../topology.ts';

const thread = new URL('../../../dist/cli/runners/thread.js', import.meta.url);
const dying = new URL('./dying-thread.js', import.meta.url);
const timeout = 240_000;

afterEach(() => {
  delete process.env.LFLOW_TEST_MARKER;
});

/** For who must not verify anything here. */
const nothing: Kept = {
  ...forOnce(),
  space() {
    throw new Error('a part was verified in this thread');
  },
};

const here = () => said(verifyNetwork(twoVpcs(2), { properties: cheap }));
const verifiedBy = async (options: Parameters<typeof openThreads>[0]) => {
  const threads = openThreads(options);
  try {
    return await openVerifier({ properties: cheap }).verifyBy(threads.runner, twoVpcs(2));
  } finally {
    await threads.close();
  }
};

test('threads find what is found here, and so does one that took over from a dead one', { timeout }, async () => {
  const expected = here();
  const told: string[] = [];
  const there = await verifiedBy({ workers: 2, thread, onProgress: (what) => told.push(what) });
  expect(said(there)).toEqual(expected);
  expect(told).toEqual(['1 of 2 parts of the network are verified', '2 of 2 parts of the network are verified']);

  const folder = mkdtempSync(join(tmpdir(), 'lflow-threads-'));
  const marker = join(folder, 'marker');
  writeFileSync(marker, '');
  process.env.LFLOW_TEST_MARKER = marker;
  try {
    expect(said(await verifiedBy({ workers: 2, thread: dying }))).toEqual(expected);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a part of which two threads died is unknown, and the reason is told', { timeout }, async () => {
  const { verdict, properties } = await verifiedBy({ workers: 2, thread: dying });
  expect(verdict).toBe('unknown');
  const unknown = properties.filter((finding) => finding.verdict === 'unknown');
  expect(unknown.find(({ id }) => id === 'no-transit')?.reason).toMatch(
    /^its part of the network could not be verified: .*[^.]$/,
  );
  // What can be read off rows needs no thread.
  expect(properties.filter(({ id }) => id === 'address-unique').every((one) => one.verdict === 'holds')).toBe(true);
});

test('without threads, parts are verified in the space that the verifier keeps', { timeout }, async () => {
  let asked = 0;
  const inThisThread = openThreads({ workers: 1 }).runner;
  const counting: Runner = (parts, common, kept) =>
    inThisThread(parts, common, {
      ...kept,
      space() {
        asked += 1;
        return kept.space();
      },
    });
  const found = await openVerifier({ properties: cheap }).verifyBy(counting, twoVpcs(2));
  expect(said(found)).toEqual(here());
  expect(asked).toBe(2);
});

test('the first of many parts is verified in a thread ahead, and later ones are where it is', { timeout }, async () => {
  const many = subjectOf(['blue', 'green', 'red', 'white'].flatMap(tenant));
  const threads = openThreads({ workers: 2, thread });
  const runner: Runner = Object.assign(
    (...[parts, common]: Parameters<Runner>) => threads.runner(parts, common, nothing),
    threads.runner,
  );
  try {
    const verifier = openVerifier({ properties: cheap });
    expect(said(await verifier.verifyBy(runner, many))).toEqual(said(verifyNetwork(many, { properties: cheap })));
    expect(verifier.last).toEqual({ parts: 4, verified: 1 });
    const changed = subjectOf([...['blue', 'green', 'red', 'white'].flatMap(tenant), vf('rednet', 2)]);
    expect(said(await verifier.verifyBy(runner, changed))).toEqual(said(verifyNetwork(changed, { properties: cheap })));
    expect(verifier.last).toEqual({ parts: 4, verified: 1 });
  } finally {
    await threads.close();
  }
  expect(openThreads({ workers: 1 }).runner.ahead).toBeUndefined();
});

test('a thread that was told to begin is given what would else be done here', { timeout }, async () => {
  const threads = openThreads({ workers: 2, thread });
  const runner: Runner = (parts, common) => threads.runner(parts, common, nothing);
  const alike = subjectOf(['blue', 'red'].flatMap(tenant));
  const verified = () => openVerifier({ properties: cheap }).verifyBy(runner, alike);
  try {
    await expect(verified()).rejects.toThrow('a part was verified in this thread');
    threads.runner.prepare?.();
    expect(said(await verified())).toEqual(said(verifyNetwork(alike, { properties: cheap })));
  } finally {
    await threads.close();
  }
});

/** All but how long it took; or why there is nothing. */
const saidOf = (found: Verification | Unverified) => ('problem' in found ? found : said(found));

test('a network of which two threads died has no verdict, and the reason is told', { timeout }, async () => {
  const threads = openThreads({ workers: 2, thread: dying });
  try {
    const found = await threads.verifyWhole({ subject: twoVpcs(), rules: {} });
    expect(found).toEqual({ problem: expect.stringMatching(/[^.]$/) });
  } finally {
    await threads.close();
  }
});

test('networks are verified in threads, each as it is here; one thread alone is this one', { timeout }, async () => {
  const rules = {};
  const threads = openThreads({ workers: 2, thread });
  expect(threads.networksAtOnce).toBe(2);
  try {
    const subjects = [subjectOf(tenant('red')), subjectOf([...tenant('blue'), vf('bluenet', 2)])];
    const found = (await Promise.all(subjects.map((subject) => threads.verifyWhole({ subject, rules })))).map(saidOf);
    expect(found).toEqual(subjects.map((subject) => said(verifyNetwork(subject))));
    const alone = openThreads({ workers: 1, thread: new URL('./nowhere.js', import.meta.url) });
    expect(alone.networksAtOnce).toBe(1);
    const [subject, one] = [subjects[0], found[0]];
    if (subject) expect(saidOf(await alone.verifyWhole({ subject, rules }))).toEqual(one);
  } finally {
    await threads.close();
  }
});

test('few parts are not worth a thread, and a program that is not there is named', async () => {
  expect(usualWorkers(2)).toBe(1);
  expect(usualWorkers(100)).toBeGreaterThanOrEqual(1);
  const nowhere = new URL('./nowhere.js', import.meta.url);
  await expect(verifiedBy({ workers: 2, thread: nowhere })).rejects.toThrow(
    /there is no program for threads at .*nowhere/,
  );
});
