import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { closeDialog, openDialog } from "../state/dialogs.ts";
import { explain } from "../state/words-of-errors.ts";
import { t } from "../words/words.ts";
import { IconButton } from "./buttons.tsx";

interface DialogProps {
  title: string;
  /** Closes the dialog; without it it is one of `openDialog`. */
  onClose?: () => void;
  children: ComponentChildren;
  wide?: boolean;
  testId?: string;
}

/** A native modal dialog: the browser keeps the focus in it, closes it on Escape and gives the focus back. */
export function Dialog({ title, onClose = closeDialog, children, wide = false, testId }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    if (dialog === null) return undefined;
    dialog.showModal();
    dialog.querySelector<HTMLElement>("[data-first], form input, form textarea")?.focus();
    return () => {
      dialog.close();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click beside it does what Escape does by itself
    <dialog
      ref={element}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      data-testid={testId}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === element.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={t("close")} onClick={onClose} small />
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  submit: string;
  kind?: "primary" | "danger";
  disabled?: boolean;
  /** May throw: the dialog stays with what was typed, and says why. */
  onSubmit: () => Promise<void> | void;
  /** A second way out, left of the others. */
  aside?: ComponentChildren;
}

/** A dialog that asks something; Enter in a one-line field and Mod+Enter anywhere send it. */
export function FormDialog(props: FormDialogProps) {
  const { submit, kind = "primary", disabled = false, onSubmit, aside, children, onClose = closeDialog } = props;
  const sending = useSignal(false);
  const fault = useSignal<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const send = async () => {
    if (sending.value || disabled) return;
    sending.value = true;
    fault.value = null;
    try {
      const name = openDialog.value;
      await onSubmit();
      if (props.onClose !== undefined || openDialog.value === name) onClose();
    } catch (error) {
      fault.value = explain(error);
    } finally {
      sending.value = false;
    }
  };
  return (
    <Dialog {...props}>
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing && !event.repeat) {
            event.preventDefault();
            event.stopPropagation();
            form.current?.requestSubmit();
          }
        }}
      >
        {children}
        {fault.value !== null && (
          <p class="notice bad" role="alert">
            {fault.value}
          </p>
        )}
        <footer class="dialog-actions">
          {aside}
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button
            type="submit"
            class={`button ${kind}`}
            disabled={disabled || sending.value}
            data-testid="dialog-submit"
          >
            {sending.value ? t("sending") : submit}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
