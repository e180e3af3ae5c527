/** The browser's storage, which may be full, forbidden or away: then the page forgets, and goes on. */

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`console ${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`console ${key}`, value);
  } catch {
    // as above
  }
}

/** What lives as long as the tab. */
export const tabShelf = {
  getItem(key: string): string | null {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  },
  setItem(key: string, value: string): void {
    sessionStorage.setItem(key, value);
  },
};

export function clearTab(): void {
  try {
    sessionStorage.clear();
  } catch {
    // as above
  }
}
