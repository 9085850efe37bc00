// Runs a command a button asked for and keeps why it failed, so that the reason can stand beside the button.

import { useState } from 'react';
import { messageOf } from '../../protocol/message-of.ts';

export function useAttempt(): readonly [(what: () => Promise<unknown>) => Promise<void>, string | undefined] {
  const [failure, setFailure] = useState<string | undefined>(undefined);
  const attempt = async (what: () => Promise<unknown>) => {
    try {
      await what();
      setFailure(undefined);
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  return [attempt, failure];
}
