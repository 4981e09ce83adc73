-- The first thing that the user said; empty means that nothing was said, and such threads are not listed.
-- checksum: 7e35a464df6d4c82694de50865ba3fe9104f9e1385a33be7d633ab4b8d6cf60b7f369fe083d31251fd77b75fa2d61f82
-- checksum with CR/LF: d8bfee50161e8bf71bad452b2e369e293b8456a89bd480502b42c70f38ff1a561832b5fc50716f2412d5859fc440f4ea
ALTER TABLE threads ADD COLUMN first_user_message TEXT NOT NULL DEFAULT '';

-- Until here the title was that message, in threads with a user event.
UPDATE threads SET first_user_message = title WHERE has_user_event = 1 AND title <> '';
