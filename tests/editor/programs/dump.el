;;; dump.el --- The faces that Emacs gives to texts  -*- lexical-binding: t -*-
;; PROBE_TEXTS: a folder of .flow files; PROBE_OUT: a file, JSON, name -> [piece, [face]] in order.
;; PROBE_INSERT: what is put into the middle of each text once it has its faces; may be empty.

(require 'json)

(defun dump-pieces ()
  "The pieces of the buffer."
  (font-lock-ensure)
  (goto-char (/ (point-max) 2))
  (insert (or (getenv "PROBE_INSERT") ""))
  ;; In two steps, as a window shows them: the second begins at a place that was read before the change.
  (let ((later (min (+ (point) 3000) (point-max))))
    (leadflow-fontify-region (line-beginning-position) later)
    (leadflow-fontify-region later (point-max)))
  (set-buffer-modified-p nil)
  (let ((found nil) (begin (point-min)))
    (while (< begin (point-max))
      (let ((end (next-single-property-change begin 'face nil (point-max)))
            (face (get-text-property begin 'face)))
        (push (vector (buffer-substring-no-properties begin end) (if face (vector (symbol-name face)) [])) found)
        (setq begin end)))
    (vconcat (nreverse found))))

(let ((answer nil) (coding-system-for-read 'utf-8-unix) (coding-system-for-write 'utf-8-unix))
  (dolist (file (directory-files (getenv "PROBE_TEXTS") t "\\.flow\\'"))
    (with-current-buffer (find-file-noselect file)
      (unless (eq major-mode 'leadflow-mode) (kill-emacs 3))
      (push (cons (file-name-base file) (dump-pieces)) answer)))
  (with-temp-file (getenv "PROBE_OUT")
    (insert (json-encode (or answer (make-hash-table))))))
;;; dump.el ends here
