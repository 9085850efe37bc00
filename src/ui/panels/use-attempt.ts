// Runs a command a button asked for and keeps why it failed, so that the reason can stand beside the button.

import { useState } from 'react';

export function useAttempt(): readonly [(what: () => Promise<unknown>) => Promise<void>, string | undefined] {
  const [failure, setFailure] = useState<string | undefined>(undefined);
  const attempt = async (what: () => Promise<unknown>) => {
    try {
      await what();
      setFailure(undefined);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return [attempt, failure];
}
