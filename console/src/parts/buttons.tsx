import type { ComponentChildren } from "preact";
import { ariaKey, type Command, keyCap } from "../logic/keys.ts";
import { run } from "../state/commands.ts";
import { Icon, type IconName } from "./icon.tsx";

export function KeyCap({ command }: { command: Command }) {
  return (
    <span class="key" aria-hidden="true">
      {keyCap(command)}
    </span>
  );
}

interface CommandButtonProps {
  command: Command;
  children: ComponentChildren;
  kind?: "plain" | "good" | "bad" | "primary" | "quiet";
  disabled?: boolean;
  icon?: IconName;
}

/** A button that does what its printed key does. */
export function CommandButton({ command, children, kind = "plain", disabled = false, icon }: CommandButtonProps) {
  return (
    <button
      type="button"
      class={`button ${kind}`}
      data-command={command}
      data-testid={`do-${command}`}
      aria-keyshortcuts={ariaKey(command)}
      disabled={disabled}
      onClick={() => run(command)}
    >
      {icon !== undefined && <Icon name={icon} />}
      <span>{children}</span>
      <KeyCap command={command} />
    </button>
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  small?: boolean;
  pressed?: boolean;
  testId?: string;
}

export function IconButton({ icon, label, onClick, small = false, pressed, testId }: IconButtonProps) {
  return (
    <button
      type="button"
      class={small ? "icon-button small" : "icon-button"}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      data-testid={testId}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
