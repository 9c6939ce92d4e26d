/** What one can speak of in a view, for who judges it. */
export { inventoryIn } from './inventory.ts';
