/** The module that `scripts/build.js` makes of `asm/`; imported as `#asm`. */

/** The bytes of the WebAssembly module. */
export const wasm: Uint8Array<ArrayBuffer>;
