"""A major mode for Emacs. Its regular expressions cannot look ahead, so what follows stands beside each rule as data,
and a reader of thirty lines takes the place of font-lock's own."""

from collections.abc import Iterator, Mapping

from leadflow.editor.formats.patterns import Piece, pieces
from leadflow.editor.rules import START, Kind, Language, Rule, State

FILE = "leadflow-mode.el"

_FACES = {
    Kind.COMMENT: "font-lock-comment-face",
    Kind.KEYWORD: "font-lock-keyword-face",
    Kind.CONSTANT: "font-lock-constant-face",
    Kind.OPERATOR: "leadflow-operator-face",
    Kind.STRING: "font-lock-string-face",
    Kind.ESCAPE: "leadflow-escape-face",
    Kind.HOLE: "leadflow-hole-face",
    Kind.NUMBER: "leadflow-number-face",
    Kind.NAME: "font-lock-function-name-face",
    Kind.ANNOTATION: "font-lock-preprocessor-face",
    Kind.KEY: "font-lock-variable-name-face",
    Kind.BAD: "font-lock-warning-face",
}

_HEAD = """\
;;; leadflow-mode.el --- Major mode for leadflow, flows of AI agents -*- lexical-binding: t -*-

;; Version: @VERSION@
;; Keywords: languages
;; Package-Requires: ((emacs "26.1"))
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Written by `leadflow grammar export'.  Do not edit.

;;; Code:

(defgroup leadflow nil "Flows of AI agents." :group 'languages)

(defface leadflow-operator-face '((t :inherit font-lock-keyword-face)) "Words between values." :group 'leadflow)
(defface leadflow-escape-face '((t :inherit font-lock-constant-face)) "Escapes in strings." :group 'leadflow)
(defface leadflow-hole-face '((t :inherit font-lock-preprocessor-face)) "The edges of a hole." :group 'leadflow)
(defface leadflow-number-face '((t :inherit font-lock-constant-face)) "Numbers." :group 'leadflow)

(defconst leadflow-states
  '(@STATES@)
  "State, the face of what no rule takes, whether it ends with its line, rules.
A rule: what the piece is, its face, the state that begins behind it, whether
its own state ends, what has to follow, and what may not.")
"""

_READER = """
(defvar-local leadflow--marks nil
  "Places that were read, the last first, each with the states open there.")

(defun leadflow--fits (rule)
  "Where RULE ends if it fits at point, else nil."
  (pcase-let ((`(,pattern ,_ ,_ ,_ ,ahead ,unless) rule))
    (when (looking-at pattern)
      (let ((end (match-end 0)))
        (save-excursion
          (goto-char end)
          (and (or (null ahead) (looking-at ahead))
               (not (seq-some #'looking-at unless))
               end))))))

(defun leadflow--read (open)
  "Read one piece at point in the states OPEN.
Return its face and the states behind it."
  (pcase-let* ((`(,own ,line ,rules) (cdr (assq (car open) leadflow-states)))
               (end nil)
               (rule (and (not (and line (eolp)))
                          (seq-find (lambda (rule) (setq end (leadflow--fits rule))) rules))))
    (cond ((and line (eolp)) (cons nil (cdr open)))
          ((null rule) (forward-char) (skip-chars-forward " \\t") (cons own open))
          (t (goto-char end)
             (cons (nth 1 rule)
                   (cond ((nth 3 rule) (cdr open))
                         ((nth 2 rule) (cons (nth 2 rule) open))
                         (t open)))))))

(defun leadflow-fontify-region (begin end &optional _loudly)
  "Give the text from BEGIN to END its faces.
It is read from the last known place before it."
  (save-excursion
    (save-match-data
      (with-silent-modifications
        (goto-char begin)
        (setq begin (line-beginning-position))
        (remove-text-properties begin end '(face nil))
        (let* ((case-fold-search nil)
               (mark (seq-find (lambda (mark) (<= (car mark) begin)) leadflow--marks))
               (open (if mark (cdr mark) '(@START@))))
          (goto-char (if mark (car mark) (point-min)))
          (while (< (point) end)
            (when (and (bolp) (> (point) (+ 2000 (or (caar leadflow--marks) 1))))
              (push (cons (point) open) leadflow--marks))
            (let* ((from (point))
                   (piece (leadflow--read open)))
              (setq open (cdr piece))
              (when (and (car piece) (> (point) begin))
                (put-text-property (max from begin) (point) 'face (car piece))))))
        `(jit-lock-bounds ,begin . ,end)))))

(defun leadflow--forget (begin &rest _)
  "Forget what was read behind BEGIN, where the text has changed."
  (setq leadflow--marks (seq-drop-while (lambda (mark) (> (car mark) begin)) leadflow--marks)))

(defvar leadflow-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\\n ">" table)
    (modify-syntax-entry ?_ "_" table)
    (modify-syntax-entry ?$ "." table)
    table)
  "Words, brackets, strings and comments for moving about.")

;;;###autoload
(define-derived-mode leadflow-mode prog-mode "leadflow"
  "Major mode for flows of AI agents."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+[ \\t]*")
  (setq-local indent-tabs-mode nil)
  (setq-local font-lock-defaults
              '(nil nil nil nil (font-lock-fontify-region-function . leadflow-fontify-region)))
  (add-hook 'after-change-functions #'leadflow--forget nil t))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\\\.flow\\\\'" . leadflow-mode))

(provide 'leadflow-mode)
;;; leadflow-mode.el ends here
"""


def files(language: Language) -> Mapping[str, str]:
    """The one file of the format."""
    states = "\n".join(line for name, state in language.rules.items() for line in _state(name, state))
    head = _HEAD.replace("@VERSION@", language.version).replace("@STATES@", states.strip())
    return {FILE: head + _READER.replace("@START@", START)}


def _state(name: str, state: State) -> Iterator[str]:
    yield f"    ({name} {_FACES.get(state.kind, 'nil')} {_truth(state.ends_with_line)}"
    yield "     (" + "\n      ".join(map(_rule, state.rules)) + "))"


def _rule(rule: Rule) -> str:
    ahead = _quoted(emacs(rule.ahead)) if rule.ahead else "nil"
    unless = f"({' '.join(_quoted(emacs(text)) for text in rule.unless)})" if rule.unless else "nil"
    fields = (_FACES.get(rule.kind, "nil"), rule.enter or "nil", _truth(rule.leave), ahead, unless)
    return f"({_quoted(emacs(rule.pattern))} {' '.join(fields)})"


def _truth(value: bool) -> str:
    return "t" if value else "nil"


def _quoted(text: str) -> str:
    """A text as Lisp writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def emacs(pattern: str) -> str:
    """A regular expression without looks ahead as Emacs writes it."""
    found = []
    for piece in pieces(pattern):
        match piece.type:
            case "open":
                found.append(r"\(?:")
            case "close":
                found.append(r"\)")
            case "either":
                found.append(r"\|")
            case "set":
                found.append(_set(piece))
            case "char" if piece.text in "*+?.^$[\\":
                found.append("\\" + piece.text)
            case _:
                found.append(piece.text)
    return "".join(found)


def _set(piece: Piece) -> str:
    """A set: a bracket stands first in it, and nothing is escaped."""
    if piece.items == (("\x00", "\x7f"),):
        return "[[:nonascii:]]"
    parts = [first if first == last else f"{first}-{last}" for first, last in piece.items]
    parts.sort(key=lambda part: part != "]")
    return f"[{'^' * piece.negated}{''.join(parts)}]"
