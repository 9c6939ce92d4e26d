/**
 * Which packets get from one place of a network to another, over all packets.
 *
 *     const places = placesOf(network);
 *     const { verdict, traffic } = reachOf(network, places.get('red'), places.get('outside'));
 */
export { type Place, placesOf } from './places.ts';
export { type Reach, type ReachOptions, reachOf } from './reach.ts';
export { reachText } from './text.ts';
