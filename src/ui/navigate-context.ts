// Lets any address or instruction on the page be a link without every component in between handing `navigate` down.

import { createContext, useContext } from 'react';
import type { Navigate } from './panel.ts';

export const NavigateContext = createContext<Navigate | undefined>(undefined);

/** Undefined outside the shell (in a story or a test): links are then plain text. */
export function useNavigate(): Navigate | undefined {
  return useContext(NavigateContext);
}
