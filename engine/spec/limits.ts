/**
 * What a file of manifests may hold.  The numbers let through manifests of
 * thousands of interfaces, and end anything else in about two seconds and in a
 * few hundred megabytes.
 */

/** Characters of a file: refused unread above it. */
export const maxTextLength = 16 * 1024 * 1024;

/** Lexical tokens of a file: about 1.7 MB of manifests, four thousand interfaces. */
export const maxLexemes = 500_000;

/** Documents of a file. */
export const maxDocuments = 50_000;

/** Levels of nesting. */
export const maxDepth = 100;

/** Anchors, aliases, tags and directives of a file, which manifests hardly need. */
export const maxMarks = 1_000;

/** Values that the aliases of a document may stand for. */
export const maxAliasValues = 10_000;

/** Mistakes of syntax that are told of one file. */
export const maxSyntaxErrors = 10;
