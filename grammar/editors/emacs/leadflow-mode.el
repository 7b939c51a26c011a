;;; leadflow-mode.el --- Major mode for leadflow, flows of AI agents -*- lexical-binding: t -*-

;; Version: 0.1.0
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
  '((code nil nil
     (("#[^\n]*" font-lock-comment-face nil nil nil nil)
      ("\"\"\"" font-lock-string-face block nil nil nil)
      ("\"" font-lock-string-face string nil nil nil)
      ("\\(?:[0-9][0-9_]*\\(?:\\.[0-9]+\\)?\\(?:ms\\|s\\|m\\|h\\|d\\)\\)+" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("[0-9][0-9_]*\\(?:\\.[0-9]+\\)?\\(?:KB\\|MB\\|GB\\)" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("\\$[0-9][0-9_]*\\(?:\\.[0-9]+\\)?" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("[0-9][0-9_]*\\.[0-9]+" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("[0-9][0-9_]*" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("\\$?[0-9]\\(?:[0-9A-Za-z_]\\|[[:nonascii:]]\\|\\.+\\(?:[0-9A-Za-z_]\\|[[:nonascii:]]\\)\\)*" font-lock-warning-face nil nil nil nil)
      ("\\??\\.[ \t]*\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" nil nil nil nil nil)
      ("@[ \t]*\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" font-lock-preprocessor-face nil nil nil nil)
      ("\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" font-lock-variable-name-face nil nil "[ \t]*:" ("[ \t]*:="))
      ("\\(?:step\\|let\\)" font-lock-keyword-face declaration nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:profile\\|policy\\|agent\\|const\\|flow\\|tool\\|type\\)" font-lock-keyword-face declaration nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "[ \t]*[].,)}=?|+*/%<>!]"))
      ("\\(?:false\\|none\\|true\\)" font-lock-constant-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:and\\|not\\|in\\|or\\)" leadflow-operator-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:parallel\\|repeat\\|return\\|await\\|catch\\|match\\|yield\\|case\\|else\\|fail\\|race\\|step\\|then\\|when\\|with\\|for\\|let\\|try\\|do\\|fn\\|if\\)" font-lock-keyword-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:leadflow\\|profile\\|expect\\|policy\\|replay\\|after\\|agent\\|const\\|until\\|flow\\|mock\\|most\\|test\\|tool\\|type\\|undo\\|per\\|run\\|use\\|as\\|at\\|on\\)" font-lock-keyword-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "[ \t]*[].,)}=?|+*/%<>!]"))
      ("\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" nil nil nil nil nil)))
    (declaration nil nil
     (("#[^\n]*" font-lock-comment-face nil nil nil nil)
      ("\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" font-lock-function-name-face nil t "[ \t]*:" ("[ \t]*:="))
      ("\\(?:step\\|let\\)" font-lock-keyword-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "[ \t]*:"))
      ("\\(?:false\\|none\\|true\\)" font-lock-constant-face nil t nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:and\\|not\\|in\\|or\\)" leadflow-operator-face nil t nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:parallel\\|repeat\\|return\\|await\\|catch\\|match\\|yield\\|case\\|else\\|fail\\|race\\|then\\|when\\|with\\|for\\|try\\|do\\|fn\\|if\\)" font-lock-keyword-face nil t nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" font-lock-function-name-face nil t nil nil)
      ("" nil nil t "[^ \t\n#]" nil)))
    (string font-lock-string-face t
     (("\\$\\${" leadflow-escape-face nil nil nil nil)
      ("\\\\u{[0-9A-Fa-f]*}" leadflow-escape-face nil nil nil nil)
      ("\\\\[^\n]" leadflow-escape-face nil nil nil nil)
      ("\\${" leadflow-hole-face hole nil "[^{}\"\n]*\\(?:\"\\(?:[^\"\\\n$]\\|\\\\[^\n]\\|\\$+\\(?:[^{\"\\\n$]\\|\\\\[^\n]\\)\\)*\\$*\"[^{}\"\n]*\\)*}" nil)
      ("\"" font-lock-string-face nil t nil nil)
      ("[^\"\\$\n]+" font-lock-string-face nil nil nil nil)))
    (block font-lock-string-face nil
     (("\\$\\${" leadflow-escape-face nil nil nil nil)
      ("\\\\u{[0-9A-Fa-f]*}" leadflow-escape-face nil nil nil nil)
      ("\\\\[^\n]" leadflow-escape-face nil nil nil nil)
      ("\\${" leadflow-hole-face hole nil "[^{}\"\n]*\\(?:\"\\(?:[^\"\\\n$]\\|\\\\[^\n]\\|\\$+\\(?:[^{\"\\\n$]\\|\\\\[^\n]\\)\\)*\\$*\"[^{}\"\n]+\\)*\\(?:\"\\(?:[^\"\\\n$]\\|\\\\[^\n]\\|\\$+\\(?:[^{\"\\\n$]\\|\\\\[^\n]\\)\\)*\\$*\"\\)?}" nil)
      ("\"\"\"" font-lock-string-face nil t nil nil)
      ("[^\"\\$\n]+" font-lock-string-face nil nil nil nil)))
    (hole nil nil
     (("}" leadflow-hole-face nil t nil nil)
      ("#[^{}\"\n]*\\(?:\"\\(?:[^\"\\\n$]\\|\\\\[^\n]\\|\\$+\\(?:[^{\"\\\n$]\\|\\\\[^\n]\\)\\)*\\$*\"[^{}\"\n]*\\)*" font-lock-comment-face nil nil nil nil)
      ("\"" font-lock-string-face plain nil nil nil)
      ("\\(?:[0-9][0-9_]*\\(?:\\.[0-9]+\\)?\\(?:ms\\|s\\|m\\|h\\|d\\)\\)+" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("[0-9][0-9_]*\\(?:\\.[0-9]+\\)?\\(?:KB\\|MB\\|GB\\)" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("\\$[0-9][0-9_]*\\(?:\\.[0-9]+\\)?" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("[0-9][0-9_]*\\.[0-9]+" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("[0-9][0-9_]*" leadflow-number-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "\\.[0-9]"))
      ("\\$?[0-9]\\(?:[0-9A-Za-z_]\\|[[:nonascii:]]\\|\\.+\\(?:[0-9A-Za-z_]\\|[[:nonascii:]]\\)\\)*" font-lock-warning-face nil nil nil nil)
      ("\\??\\.[ \t]*\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" nil nil nil nil nil)
      ("@[ \t]*\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" font-lock-preprocessor-face nil nil nil nil)
      ("\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" font-lock-variable-name-face nil nil "[ \t]*:" ("[ \t]*:="))
      ("\\(?:false\\|none\\|true\\)" font-lock-constant-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:and\\|not\\|in\\|or\\)" leadflow-operator-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:parallel\\|repeat\\|return\\|await\\|catch\\|match\\|yield\\|case\\|else\\|fail\\|race\\|step\\|then\\|when\\|with\\|for\\|let\\|try\\|do\\|fn\\|if\\)" font-lock-keyword-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]"))
      ("\\(?:leadflow\\|profile\\|expect\\|policy\\|replay\\|after\\|agent\\|const\\|until\\|flow\\|mock\\|most\\|test\\|tool\\|type\\|undo\\|per\\|run\\|use\\|as\\|at\\|on\\)" font-lock-keyword-face nil nil nil ("[A-Za-z0-9_]\\|[[:nonascii:]]" "[ \t]*[].,)}=?|+*/%<>!]"))
      ("\\(?:[A-Za-z_]\\|[[:nonascii:]]\\)\\(?:[A-Za-z0-9_]\\|[[:nonascii:]]\\)*" nil nil nil nil nil)))
    (plain font-lock-string-face nil
     (("\\\\[^\n]" leadflow-escape-face nil nil nil nil)
      ("\"" font-lock-string-face nil t nil nil))))
  "State, the face of what no rule takes, whether it ends with its line, rules.
A rule: what the piece is, its face, the state that begins behind it, whether
its own state ends, what has to follow, and what may not.")

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
          ((null rule) (forward-char) (skip-chars-forward " \t") (cons own open))
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
               (open (if mark (cdr mark) '(code))))
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
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?_ "_" table)
    (modify-syntax-entry ?$ "." table)
    table)
  "Words, brackets, strings and comments for moving about.")

;;;###autoload
(define-derived-mode leadflow-mode prog-mode "leadflow"
  "Major mode for flows of AI agents."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+[ \t]*")
  (setq-local indent-tabs-mode nil)
  (setq-local font-lock-defaults
              '(nil nil nil nil (font-lock-fontify-region-function . leadflow-fontify-region)))
  (add-hook 'after-change-functions #'leadflow--forget nil t))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.flow\\'" . leadflow-mode))

(provide 'leadflow-mode)
;;; leadflow-mode.el ends here
