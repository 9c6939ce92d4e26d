/** Recordings are read as they were written. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  formatPlaneRecording,
  parsePlaneRecording,
  planeRecordings,
  planeRecordingUrl,
  readPlaneRecording,
} from './plane-recording.ts';

test('there are some', () => {
  expect(planeRecordings().length).toBeGreaterThan(5);
});

test('maps are lists: template variables, what a controller does, where nested ports are', () => {
  const [name = ''] = planeRecordings();
  const { southbound } = readPlaneRecording(name);
  const services = {
    ...{ dns: [], serviceMonitors: [], multicast: [], bfd: [], meters: [] },
    natAddresses: new Map([['s-r', ['02:00:00:00:01:fe 10.0.1.253']]]),
    ports: new Map([['s1', { tag: 7 }]]),
  };
  const templates = new Map([['n1', { VIP: '10.0.0.9' }]]);
  const placement = { ports: new Map([['s1', { tag: 7, parent: 's2' }]]), balancers: [] };
  const recording = {
    southbound: { ...southbound, templates, services, origins: new Map() },
    ...{ placement, vifs: ['s1'], networks: [], steps: [] },
  };
  expect(parsePlaneRecording(formatPlaneRecording(recording))).toEqual(recording);
});

test('what was written before that can be read still', () => {
  const [name = ''] = planeRecordings();
  const { placement: _, balancers: __, ...before } = JSON.parse(formatPlaneRecording(readPlaneRecording(name)));
  const { southbound, placement } = parsePlaneRecording(JSON.stringify({ ...before, templates: {} }));
  expect(southbound.templates).toEqual(new Map());
  expect(placement).toEqual({ ports: new Map(), balancers: [] });
  expect(southbound.flows).toEqual(readPlaneRecording(name).southbound.flows);
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
