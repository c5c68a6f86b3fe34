/** Does one thing after the other, in the order in which they were asked for; a failure does not stop the next. */
export function createTurns(): <T>(action: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const turn = last.then(action, action);
    last = turn.catch(() => undefined);
    return turn;
  };
}
