import { describe, expect, it } from 'vitest';
import { termsOf, widened, withoutMostSelective } from './terms.ts';

describe('mutation/terms', () => {
  it('finds what && joins, outside of brackets and strings', () => {
    expect(termsOf('1')).toEqual(['1']);
    expect(termsOf('ip4 && (tcp && a || b) && inport == "x && y"')).toEqual([
      'ip4',
      '(tcp && a || b)',
      'inport == "x && y"',
    ]);
    expect(termsOf('ip4 && tcp || udp')).toEqual(['ip4 && tcp || udp']);
    expect(termsOf('ip4.src == {1.2.3.4, 5.6.7.8} && arp')).toEqual(['ip4.src == {1.2.3.4, 5.6.7.8}', 'arp']);
  });

  it('takes out the term that fewest packets meet', () => {
    expect(withoutMostSelective('inport == "a" && eth.src == 02:00:00:00:00:01')).toBe('inport == "a"');
    expect(withoutMostSelective('inport == "a" && ip4.src == 10.0.0.0/8 && arp.op == 1')).toBe(
      'ip4.src == 10.0.0.0/8 && arp.op == 1',
    );
    expect(withoutMostSelective('ip4 && ip.ttl == 1')).toBe('ip.ttl == 1');
    expect(withoutMostSelective('ip4')).toBeUndefined();
  });

  it('widens what is not all there is', () => {
    expect(widened('1')).toEqual([]);
    expect(widened('ip4').map(({ match }) => match)).toEqual(['1']);
    expect(widened('ip4 && ip4.dst == 10.0.0.1').map(({ match }) => match)).toEqual(['1', 'ip4']);
  });
});
