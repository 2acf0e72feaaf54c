;;;; Octet wires: makes the wires of CMU Common Lisp work again.
;;;;
;;;;     (load "octet-wires.lisp")
;;;;
;;;; What is broken.  Two CMUCLs of today cannot talk to each other over a
;;;; wire: the first message arrives as every second byte of itself, with
;;;; zeros in between, and is cut in half.
;;;;
;;;; Since when.  Since 20a, when characters became 16 bits wide.
;;;;
;;;; Why.  A wire keeps its input and its output in strings, one character
;;;; for each byte, and hands the memory of these strings to read(2) and
;;;; write(2).  That was right while a character was a byte.  Now the memory
;;;; of a string of n characters has 2n bytes: write sends a zero byte with
;;;; each, and only the first half of the string, for it counts characters;
;;;; read packs two bytes into each character.
;;;;
;;;; The repair.  Three functions touch that memory.  They are redefined here
;;;; to move octets between the strings and a vector of bytes, and nothing
;;;; else is changed: every other function of the facility works as it is
;;;; documented.
;;;;
;;;; This file is part of @remote/wire and has its license (MIT).

(in-package "WIRE")

(ext:without-package-locks

  (defun octet-wires-fail (wire when errno)
    "Signals what went wrong with a system call."
    (error 'wire-io-error
           :wire wire
           :when when
           :msg (unix:get-unix-error-msg errno)))

  (defun octet-wires-write (wire octets)
    "Writes a vector of octets, in as many calls as the system needs."
    (declare (type (simple-array (unsigned-byte 8) (*)) octets))
    (let ((sent 0)
          (end (length octets)))
      (loop while (< sent end)
            do (multiple-value-bind (count errno)
                   (unix:unix-write (wire-fd wire) octets sent (- end sent))
                 (cond (count (incf sent count))
                       ((eql errno unix:eintr))
                       (t (octet-wires-fail wire "writing" errno)))))))

  (defun fill-input-buffer (wire)
    "Waits for bytes and puts them into the empty input buffer."
    (let ((buffer (or (wire-ibuf wire)
                      (error 'wire-eof :wire wire)))
          (octets (make-array buffer-size :element-type '(unsigned-byte 8))))
      (setf (wire-ibuf-offset wire) 0
            (wire-ibuf-end wire) 0)
      (loop
        (multiple-value-bind (count errno)
            ;; The vector must stay where it is while the system fills it.
            (system:without-gcing
              (unix:unix-read (wire-fd wire)
                              (system:vector-sap octets)
                              buffer-size))
          (cond ((null count)
                 (unless (eql errno unix:eintr)
                   (octet-wires-fail wire "reading" errno)))
                ((zerop count)
                 ;; Without a buffer, a wire is known to have ended.
                 (setf (wire-ibuf wire) nil)
                 (error 'wire-eof :wire wire))
                (t
                 (dotimes (index count)
                   (setf (schar buffer index)
                         (code-char (aref octets index))))
                 (setf (wire-ibuf-end wire) count)
                 (return))))))
    (values))

  (defun wire-force-output (wire)
    "Sends what is in the output buffer."
    (let* ((buffer (wire-obuf wire))
           (end (wire-obuf-end wire))
           (octets (make-array end :element-type '(unsigned-byte 8))))
      (dotimes (index end)
        (setf (aref octets index) (char-code (schar buffer index))))
      ;; Emptied first: an error must not send the same bytes again.
      (setf (wire-obuf-end wire) 0)
      (octet-wires-write wire octets))
    (values))

  (defun wire-output-string (wire string)
    "Outputs a string: its length, then one byte for each character."
    (when (find-if (lambda (char) (> (char-code char) 255)) string)
      (error 'wire-io-error
             :wire wire
             :when "writing to"
             :msg "a character above U+00FF has no octet"))
    (wire-output-number wire (length string))
    (loop for char across string
          do (wire-output-byte wire (char-code char)))
    (values))

  ;; A file that is loaded as source is interpreted, and this has to be fast.
  (dolist (function '(octet-wires-fail octet-wires-write fill-input-buffer
                      wire-force-output wire-output-string))
    (compile function)))
