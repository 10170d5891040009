<?php
$MESS['IGRAJDANIN_REPORT'] = 'Report a problem';
