// Long work is done in parts: between two of them messages are served and the lab's own computers run. A page that hears nothing
// for three seconds takes the worker for dead.

export const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
