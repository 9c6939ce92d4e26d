/**
 * The modules that `scripts/build.js` makes of `asm/plane/` and `asm/sets/`; imported as `#asm/plane`,
 * `#asm/plane-checked` and `#asm/sets`.
 */

/** The bytes of the WebAssembly module. */
export const wasm: Uint8Array<ArrayBuffer>;
