/** Recordings are read as they were written. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatPlaneRecording, planeRecordings, planeRecordingUrl, readPlaneRecording } from './plane-recording.ts';

test('there are some', () => {
  expect(planeRecordings().length).toBeGreaterThan(5);
});

test.each(planeRecordings())('%s', (name) => {
  const recording = readPlaneRecording(name);
  expect(JSON.parse(formatPlaneRecording(recording))).toEqual(
    JSON.parse(readFileSync(planeRecordingUrl(name), 'utf8')),
  );
  const { southbound, vifs, networks, steps } = recording;
  const ports = new Set(southbound.ports.map(({ logicalPort }) => logicalPort));
  expect(vifs.filter((port) => !ports.has(port))).toEqual([]);
  const entrances = new Set([...vifs, ...networks]);
  expect(steps.flatMap(({ port }) => (entrances.has(port) ? [] : [port]))).toEqual([]);
  expect(southbound.flows.length).toBeGreaterThan(300);
  expect(steps.flatMap(({ received }) => received).length).toBeGreaterThan(300);
});
