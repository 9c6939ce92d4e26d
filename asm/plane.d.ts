/** The modules that `scripts/build.js` makes of `asm/plane/`; imported as `#asm/plane` and `#asm/plane-checked`. */

/** The bytes of the WebAssembly module. */
export const wasm: Uint8Array<ArrayBuffer>;
