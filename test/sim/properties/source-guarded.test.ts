import { describe, expect, it } from 'vitest';
import { sourceGuarded } from '../../../sim/properties/source-guarded.ts';
import { exampleView, verdicts } from './views.ts';

describe('properties/source-guarded', () => {
  it('is violated', () => {
    expect(verdicts(sourceGuarded, exampleView('properties/source-guarded', 'bad'))).toEqual(['net: violated']);
  });

  it('holds, put right', () => {
    expect(verdicts(sourceGuarded, exampleView('properties/source-guarded', 'good'))).toEqual(['net: holds']);
  });
});

describe('hosts that a policy trusts', () => {
  const policy = `
lflow: 1
sets: { firewall: { switch: net } }
builtin: { source-guarded: { trusted: [firewall] } }`;

  it('may send from any address', () => {
    expect(verdicts(sourceGuarded, exampleView('properties/source-guarded', 'bad', policy))).toEqual(['net: vacuous']);
  });
});

describe('ports without port security', () => {
  it('are told as warnings', () => {
    const [check] = [...sourceGuarded.checks(exampleView('properties/source-guarded', 'bad'))];
    expect(check).toMatchObject({ subject: 'net', severity: 'warning' });
  });
});
