/** Before any test: the WebAssembly module and the command are those of the sources as they are now. */
import { buildStale } from './build.js';

export default buildStale;
