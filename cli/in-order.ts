/** Several things done at once, told of in their order. */

/**
 * Does the work for each of the list, `atOnce` of them at the same time, and gives the results in the order of the list, each as
 * soon as those before it are there. Rejects as the first work in the order that does; what has begun goes on, and no more is begun.
 */
export async function* inOrder<T, Result>(
  list: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<Result>,
): AsyncGenerator<Result> {
  let next = 0;
  let isOver = false;
  const results = list.map(() => deferred<Result>());
  const takeOn = async (): Promise<void> => {
    while (!isOver && next < list.length) {
      const index = next++;
      const result = work(list[index] as T, index);
      results[index]?.settle(result);
      await result.catch(() => {});
    }
  };
  for (let i = 0; i < atOnce; i++) takeOn();
  try {
    for (const { promise } of results) yield await promise;
  } finally {
    isOver = true;
  }
}

function deferred<Result>(): { promise: Promise<Result>; settle: (result: Promise<Result>) => void } {
  let settle: (result: Promise<Result>) => void = () => {};
  const promise = new Promise<Result>((resolve) => {
    settle = resolve;
  });
  // It is looked at when its turn comes.
  promise.catch(() => {});
  return { promise, settle };
}
