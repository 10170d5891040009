<?php
$MESS['IGRAJDANIN_NAME'] = 'Problems of the city';
$MESS['IGRAJDANIN_DESCRIPTION'] = 'A button with which residents report a problem and follow the answer.';
